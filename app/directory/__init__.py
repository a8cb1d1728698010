"""Principals and published objects of the local directory."""
