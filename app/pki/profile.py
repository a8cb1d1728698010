"""What a certificate will say: decided here, signed elsewhere."""  # noqa: A005 - always app.pki.profile

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from app.domain.errors import Refused
from app.domain.keys import KEY_BITS
from app.domain.periods import Period
from app.domain.templates import (
    OID_OCSP_SIGNING,
    KeyUsage,
    SubjectSource,
    Template,
)
from app.pki import microsoft
from app.pki.parts import load_certificate
from app.pki.subjects import BuiltSubject, built_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.pki.requests import ParsedRequest

OID_NO_CHECK = "1.3.6.1.5.5.7.48.1.5"
_OID_SAN = "2.5.29.17"
CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """What issuing needs to know of a CA.

    Attributes:
        certificate: DER.
        maximum_validity: caps every certificate.
        cdp_urls / aia_urls / ocsp_urls: expanded, for the extensions of what it issues.
        clock_skew: how far back certificates are dated.
    """

    certificate: bytes
    maximum_validity: Period
    cdp_urls: tuple[str, ...] = ()
    aia_urls: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()
    clock_skew: timedelta = CLOCK_SKEW


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceProfile:
    """Everything that goes into a certificate but serial, keys and signature.

    Attributes:
        san: None for none; critical where the subject is empty.
        no_check: id-pkix-ocsp-nocheck; then there are no CDP and AIA URLs.
        path_length: for CA certificates only; None means no limit.
        dropped: one sentence for each thing that was asked for and is not in here.
    """

    template: Template
    subject: x509.Name
    san: x509.SubjectAlternativeName | None
    not_before: datetime
    not_after: datetime
    key_usage: frozenset[KeyUsage]
    application_policies: tuple[str, ...]
    is_ca: bool
    path_length: int | None
    no_check: bool
    cdp_urls: tuple[str, ...]
    aia_urls: tuple[str, ...]
    ocsp_urls: tuple[str, ...]
    dropped: tuple[str, ...]


def build_profile(
    template: Template,
    request: ParsedRequest,
    built_subject: BuiltSubject | None,
    authority: AuthorityFacts,
    now: datetime,
) -> IssuanceProfile:
    """Decide what to issue for a request.

    Args:
        template: what it is issued by.
        request: the checked request.
        built_subject: what the directory knows of the requester; needed for templates that build
            the subject, else not looked at.
        authority: the issuing CA.
        now: aware UTC.

    Raises:
        Refused: key, subject or time do not allow it.
        InvalidInput: the CA's certificate cannot be read.
    """
    _check_key(template, request)
    subject, san = _names(template, request, built_subject)
    not_before, not_after = _validity(template, authority, now)
    # AD CS writes nocheck only where the template asks for it and is for OCSP signing, and then
    # leaves out both CDP and AIA (MS-WCCE 3.2.2.6.2.1.4.5.6).
    no_check = template.ocsp_no_check and OID_OCSP_SIGNING in template.application_policies
    revocable = not (no_check or template.no_revocation_information)
    return IssuanceProfile(
        template=template,
        subject=subject,
        san=san,
        not_before=not_before,
        not_after=not_after,
        key_usage=template.key_usage,
        application_policies=template.application_policies,
        is_ca=template.is_ca,
        path_length=template.path_length if template.is_ca else None,
        no_check=no_check,
        cdp_urls=authority.cdp_urls if revocable else (),
        aia_urls=() if no_check else authority.aia_urls,
        ocsp_urls=authority.ocsp_urls if revocable else (),
        dropped=tuple(_dropped(template, request, no_check=no_check)),
    )


def _check_key(template: Template, request: ParsedRequest) -> None:
    if request.key_algorithm is not template.algorithm:
        wanted = template.algorithm.value.replace("ECDSA_P", "ECDSA P-")
        raise Refused(
            f"The request has a key of the kind {request.key_text}, but the template "
            f"“{template.display_name}” wants {wanted}.",
            remedy=f"Create the request with a key of the kind {wanted}.",
        )
    sizes = KEY_BITS[template.algorithm]
    if len(sizes) > 1 and request.bits < template.minimum_key_size:
        raise Refused(
            f"The request has a key of {request.bits} bits, but the template "
            f"“{template.display_name}” wants at least {template.minimum_key_size}.",
            remedy="Create the request with a longer key.",
        )


def _names(
    template: Template, request: ParsedRequest, built: BuiltSubject | None
) -> tuple[x509.Name, x509.SubjectAlternativeName | None]:
    if template.subject_source is SubjectSource.SUPPLY_IN_REQUEST:
        subject, san = request.subject, request.san
    elif built is not None:
        subject, san = built_names(template, built)
    else:
        raise Refused(
            f"The template “{template.display_name}” takes the subject from the directory, "
            "but nothing is known of the requester.",
            remedy="Submit the request as an account or a computer that the directory knows.",
        )
    if template.is_ca and not subject.rdns:
        raise Refused(
            "The certificate of a certification authority needs a subject name.",
            remedy="Create the request with a subject, for example “CN=Issuing CA 1”.",
        )
    if not subject.rdns and san is None:
        raise Refused(
            "The request names no subject.",
            cause=f"The template “{template.display_name}” takes the subject from the request.",
            remedy="Create the request with a subject or a subject alternative name.",
        )
    return subject, san


def _validity(
    template: Template, authority: AuthorityFacts, now: datetime
) -> tuple[datetime, datetime]:
    """Start and end: dated back by the clock skew, capped by the CA's maximum and its own end."""
    ca = load_certificate(authority.certificate)
    ca_start, ca_end = ca.not_valid_before_utc, ca.not_valid_after_utc
    if now < ca_start or now >= ca_end:
        word = "is not valid yet" if now < ca_start else "has expired"
        raise Refused(
            f"The certificate of the certification authority {word}.",
            cause=f"It is valid from {ca_start:%Y-%m-%d %H:%M} to {ca_end:%Y-%m-%d %H:%M} UTC.",
            remedy="Check this machine's clock; renew the CA certificate when it is right.",
        )
    start = max((now - authority.clock_skew).replace(microsecond=0), ca_start)
    length = min(template.validity.length, authority.maximum_validity.length)
    end = min(start + length, ca_end)
    if end <= now:
        raise Refused(
            "The certificate would have expired before it is issued.",
            cause=f"Its validity of {template.validity} is not longer than the clock skew.",
            remedy="Give the template a longer validity period.",
        )
    return start, end


def _dropped(template: Template, request: ParsedRequest, *, no_check: bool) -> Iterator[str]:
    """Sentences on the extensions that were asked for and are decided otherwise."""
    supplied = template.subject_source is SubjectSource.SUPPLY_IN_REQUEST
    for extension in request.requested_extensions:
        oid = extension.oid
        if oid in {microsoft.OID_TEMPLATE_NAME, microsoft.OID_TEMPLATE_INFORMATION}:
            continue
        if oid == _OID_SAN:
            if not supplied:
                yield (
                    "The subject alternative name of the request was left out, because the "
                    "template takes names from the directory."
                )
        elif oid == OID_NO_CHECK:
            if not no_check:
                yield (
                    "OCSP No Revocation Checking was asked for and left out, because the template "
                    "is not one for OCSP signing that adds it."
                )
        else:
            yield f"The extension {oid} of the request was left out; the template decides it."
