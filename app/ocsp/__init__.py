"""The online responder: wire format, status source, signer and answer cache."""
