"""Configuration files of Luna clients."""
