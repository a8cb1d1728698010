"""The database, the only package with SQL: tables, migrations and repositories."""
