"""A PKCS#11 module that misbehaves on request."""
