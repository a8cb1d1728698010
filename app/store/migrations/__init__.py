"""Alembic's folder: its environment and the versions of the schema."""
