"""Files as people have them: DER, PEM with any line ends, or bare base64, turned into DER."""

from __future__ import annotations

import base64
import binascii
import re

from app.domain.errors import InvalidInput

CERTIFICATE = "CERTIFICATE"
CERTIFICATE_REQUEST = "CERTIFICATE REQUEST"
CRL = "X509 CRL"

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def to_pem(label: str, data: bytes) -> bytes:
    """PEM with lines of 64 characters (RFC 7468)."""
    text = base64.b64encode(data).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode()


def to_der(data: bytes, *labels: str) -> bytes:
    """DER from a file that holds DER, PEM or bare base64, with a byte order mark or without.

    Args:
        data: the file; of several PEM blocks the first that has one of the labels is taken.
        labels: what PEM may call it; the first one names it in the error.

    Raises:
        InvalidInput: no such block, or no base64.
    """
    if data[:1] == b"\x30":
        return data
    text = _text(data)
    blocks = _BLOCK.findall(text)
    if "-----BEGIN" in text and not blocks:
        raise _unreadable(labels[0], "The PEM text is cut off.")
    for label, body in blocks:
        if label in labels:
            return _decode(body, labels[0])
    if blocks:
        raise _unreadable(labels[0], f"The file holds another kind of PEM: {blocks[0][0].lower()}.")
    return _decode(text, labels[0])


def _text(data: bytes) -> str:
    if data[:2] in _UTF16_MARKS:
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _decode(body: str, label: str) -> bytes:
    # RFC 1421 headers (`Name: value`) may stand before an empty line.
    lines = [line for line in body.splitlines() if ":" not in line]
    try:
        decoded = base64.b64decode("".join("".join(lines).split()), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise _unreadable(label, "The file is neither DER nor PEM.")
    return decoded


def _unreadable(label: str, cause: str) -> InvalidInput:
    return InvalidInput(
        f"No {_spoken(label)} could be read.",
        cause=cause,
        remedy=f"Choose a file with a {_spoken(label)} in DER or PEM form.",
    )


def _spoken(label: str) -> str:
    return "CRL" if label == CRL else label.lower()
