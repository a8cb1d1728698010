"""Use cases of certification authorities: set-up, requests, revocation, CRLs."""
