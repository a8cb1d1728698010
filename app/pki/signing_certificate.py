"""Whether a certificate may sign OCSP answers for a CA, and in which ways it may not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from app.domain.errors import InvalidInput
from app.domain.templates import OID_OCSP_SIGNING
from app.pki.parts import certificate_parts, load_certificate

if TYPE_CHECKING:
    from datetime import datetime


class SignerCheck(StrEnum):
    """What is looked at."""

    ISSUER = "issued by the CA"
    PURPOSE = "OCSP Signing"
    NO_CHECK = "no revocation checking"
    VALIDITY = "validity"
    KEY_USAGE = "key usage"


def check_signing_certificate(
    certificate: bytes, ca_certificate: bytes, now: datetime
) -> list[str]:
    """Problems of a DER signing certificate for a CA, one sentence each; empty when it is good.

    Raises:
        InvalidInput: one of them is no certificate, or is malformed.
    """
    return list(signer_problems(certificate, ca_certificate, now).values())


def signer_problems(
    certificate: bytes, ca_certificate: bytes, now: datetime
) -> dict[SignerCheck, str]:
    """The same, by check. The CA's own certificate may sign without purpose and nocheck.

    Raises:
        InvalidInput: one of them is no certificate, or is malformed.
    """
    signer = load_certificate(certificate)
    # RFC 6960 §4.2.2.2: the CA itself needs no delegation.
    is_ca = (
        certificate_parts(certificate).public_key == certificate_parts(ca_certificate).public_key
    )
    found = {SignerCheck.VALIDITY: _validity(signer, now)}
    try:
        extensions = signer.extensions
    except (ValueError, x509.DuplicateExtension) as error:
        raise InvalidInput(
            "The signing certificate has malformed extensions.", detail=str(error)
        ) from None
    found[SignerCheck.KEY_USAGE] = _key_usage(extensions)
    if not is_ca:
        found[SignerCheck.ISSUER] = _issuer(signer, load_certificate(ca_certificate))
        found[SignerCheck.PURPOSE] = _purpose(extensions)
        found[SignerCheck.NO_CHECK] = _no_check(extensions)
    return {check: found[check] for check in SignerCheck if found.get(check)}


def _issuer(signer: x509.Certificate, ca: x509.Certificate) -> str:
    try:
        signer.verify_directly_issued_by(ca)
    except ValueError:
        return "The signing certificate was issued by another certification authority."
    except (InvalidSignature, TypeError, UnsupportedAlgorithm):
        return "The signing certificate was not signed with this certification authority's key."
    return ""


def _purpose(extensions: x509.Extensions) -> str:
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "The signing certificate has no enhanced key usage, so OCSP Signing is missing."
    if any(purpose.dotted_string == OID_OCSP_SIGNING for purpose in purposes):
        return ""
    return (
        "The signing certificate is not meant for OCSP Signing: that enhanced key usage is missing."
    )


def _no_check(extensions: x509.Extensions) -> str:
    try:
        extensions.get_extension_for_class(x509.OCSPNoCheck)
    except x509.ExtensionNotFound:
        return (
            "The signing certificate lacks OCSP No Revocation Checking, "
            "so clients would ask this responder about its own certificate."
        )
    return ""


def _validity(signer: x509.Certificate, now: datetime) -> str:
    if now < signer.not_valid_before_utc:
        return (
            "The signing certificate is not valid before "
            f"{signer.not_valid_before_utc:%Y-%m-%d %H:%M} UTC."
        )
    if now > signer.not_valid_after_utc:
        return (
            f"The signing certificate expired on {signer.not_valid_after_utc:%Y-%m-%d %H:%M} UTC."
        )
    return ""


def _key_usage(extensions: x509.Extensions) -> str:
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    if usage.digital_signature or usage.content_commitment:
        return ""
    return "The key usage of the signing certificate does not allow digital signatures."
