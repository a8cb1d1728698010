"""The same key management on PKCS#11 modules of different makers."""
