"""Security libraries, registered slots, key storage providers and the keys in them."""
