"""What runs inside a key isolation process; nothing outside imports it but the entry."""
