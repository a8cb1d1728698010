"""Subject and alternative names that are built from what the directory knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from app.domain.errors import Refused
from app.domain.templates import AlternateName, SubjectFormat, Template
from app.pki import der, microsoft
from app.pki.names import parse_distinguished_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTF8_STRING = 0x0C
_LONGEST_COMMON_NAME = 64  # RFC 5280 appendix A.1, ub-common-name


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSubject:
    """What the directory knows of a requester; a template picks from it.

    Attributes:
        distinguished_name: the most specific part first, for the format that wants it.
    """

    common_name: str = ""
    dns_names: tuple[str, ...] = ()
    upns: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    distinguished_name: str = ""


def built_names(
    template: Template, built: BuiltSubject
) -> tuple[x509.Name, x509.SubjectAlternativeName | None]:
    """Subject and alternative names as the template's formats want them.

    Raises:
        Refused: the directory lacks something that the template wants.
        InvalidInput: the directory's distinguished name is none.
    """
    names = [name for kind in template.alternate_names for name in _alternate(kind, built)]
    # With no subject at all, RFC 5280 §4.1.2.6 wants an alternative name.
    if template.subject_format is SubjectFormat.NONE and not names:
        raise _missing("an alternative name")
    return _subject(template.subject_format, built), (
        x509.SubjectAlternativeName(names) if names else None
    )


def _subject(wanted: SubjectFormat, built: BuiltSubject) -> x509.Name:
    if wanted is SubjectFormat.NONE:
        return x509.Name([])
    if wanted is SubjectFormat.FULLY_DISTINGUISHED:
        if not built.distinguished_name:
            raise _missing("a distinguished name")
        return parse_distinguished_name(built.distinguished_name)
    if wanted is SubjectFormat.DNS_NAME:
        value = built.dns_names[0] if built.dns_names else ""
    else:
        value = built.common_name
    if not value:
        raise _missing("a DNS name" if wanted is SubjectFormat.DNS_NAME else "a common name")
    if len(value) > _LONGEST_COMMON_NAME:
        raise Refused(
            f"The name “{value}” is too long: a common name has {_LONGEST_COMMON_NAME} characters.",
            remedy="Choose a template that uses the DNS name as alternative name only.",
        )
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value)])


def _alternate(kind: AlternateName, built: BuiltSubject) -> Iterator[x509.GeneralName]:
    values = {
        AlternateName.DNS: built.dns_names,
        AlternateName.UPN: built.upns,
        AlternateName.EMAIL: built.emails,
    }[kind]
    if not values:
        raise _missing({"dns": "a DNS name", "upn": "a user principal name"}.get(kind, "an e-mail"))
    for value in values:
        if kind is AlternateName.UPN:
            text = der.encode(_UTF8_STRING, value.encode())
            yield x509.OtherName(x509.ObjectIdentifier(microsoft.OID_UPN), text)
        else:
            yield _ia5_name(kind, value)


def _ia5_name(kind: AlternateName, value: str) -> x509.GeneralName:
    try:
        return x509.DNSName(value) if kind is AlternateName.DNS else x509.RFC822Name(value)
    except ValueError as error:
        raise Refused(
            f"“{value}” cannot stand in a certificate as an alternative name.",
            cause=str(error),
            remedy="Write international names in their ASCII form (xn--…).",
        ) from None


def _missing(what: str) -> Refused:
    return Refused(
        f"The directory knows no name of the requester that fits: {what} is missing.",
        remedy="Complete the requester's entry in the directory, or change the template's "
        "Subject Name tab.",
    )
