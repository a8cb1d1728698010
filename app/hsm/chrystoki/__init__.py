"""The configuration file of a Luna client: read and edited without losing a byte of it."""
