"""Tests of app.ocsp."""
