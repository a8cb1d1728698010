"""What runs inside a key isolation process; nothing outside imports it but the entry.

`entry` starts it, `server` reads requests, `handlers` has a method for each. A `token` owns the
login and the threads (`crews`); `finding`, `generation`, `signing` and `trial` work in its
sessions. The library is called through `cryptoki` (ctypes, with the interpreter's lock free) and,
for what does not last, `management` and `objects` (PyKCS11); `call_log` notes every call.
"""
