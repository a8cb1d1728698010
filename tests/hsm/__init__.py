"""Tests of app.hsm against a real soft token."""
