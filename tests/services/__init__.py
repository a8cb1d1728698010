"""Tests of the use cases on a real database, a real token and real secrets."""
