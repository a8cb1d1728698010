"""Pure X.509: bytes and objects in, bytes and objects out, without I/O or a clock."""
