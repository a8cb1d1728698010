"""Sealkeeper: an administration console from a bare HSM slot to a working OCSP service."""

__version__ = "0.1.0"
