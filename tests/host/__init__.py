"""Tests of app.host."""
