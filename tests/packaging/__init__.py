"""Tests of how the project is built, locked, layered and set up."""
