"""Providers of keys: PKCS#11 tokens behind a child process, and software keys."""
