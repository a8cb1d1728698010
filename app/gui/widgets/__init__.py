"""Widgets that every panel shares."""
