"""Names under which requests written for other software ask for the providers of this one."""

from __future__ import annotations

#: Microsoft's own providers of software keys, which INF files and templates name.
SOFTWARE_ALIASES = (
    "Microsoft Software Key Storage Provider",
    "Microsoft Enhanced RSA and AES Cryptographic Provider",
    "Microsoft Enhanced Cryptographic Provider v1.0",
    "Microsoft Strong Cryptographic Provider",
    "Microsoft Base Cryptographic Provider v1.0",
    "Microsoft RSA SChannel Cryptographic Provider",
)
