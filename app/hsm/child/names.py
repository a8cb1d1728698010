"""Names for the numbers of PKCS#11."""

from __future__ import annotations

import PyKCS11


def ckr_name(code: int) -> str:
    """The CKR name, or the number in hexadecimal where it has none."""
    return str(PyKCS11.CKR.get(code) or f"0x{code:08X}")


def ckm_name(code: int) -> str:
    """The CKM name, or the number in hexadecimal where it has none."""
    return str(PyKCS11.CKM.get(code) or f"0x{code:08X}")
