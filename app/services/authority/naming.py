"""What a certification authority may be called."""

from __future__ import annotations

from app.domain.errors import InvalidInput
from app.pki.names import format_name, parse_distinguished_name

#: ub-common-name of RFC 5280 Appendix A.1.
LONGEST_NAME = 64


def check_name(name: str) -> None:
    """Pass for a name that can stand in a certificate, in file names and in URLs.

    Raises:
        InvalidInput: it cannot.
    """
    if not name.strip() or len(name) > LONGEST_NAME or name != name.strip():
        raise InvalidInput(
            f"“{name}” cannot be the name of a CA.",
            remedy=f"Give 1 to {LONGEST_NAME} characters without blanks at the ends.",
        )
    if any(ord(character) < ord(" ") or character in '/\\"' for character in name):
        raise InvalidInput(
            f"“{name}” cannot be the name of a CA.",
            cause="It has a control character, a slash, a backslash or a quotation mark.",
        )


def subject_of(name: str, suffix: str = "") -> str:
    """The distinguished name of a CA: its name, then the suffix where there is one.

    Raises:
        InvalidInput: the suffix is no distinguished name.
    """
    escaped = "".join(f"\\{c}" if c in ',+"\\<>;=#' else c for c in name)
    try:
        return format_name(parse_distinguished_name(f"CN={escaped}{suffix and f',{suffix}'}"))
    except InvalidInput as error:
        raise InvalidInput(
            f"“{suffix}” is no distinguished name suffix.",
            cause=error.cause,
            remedy="Write for example DC=test,DC=local.",
        ) from error
