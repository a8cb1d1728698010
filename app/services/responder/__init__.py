"""Use cases of the online responder: configurations, signing certificates, status, proof."""
