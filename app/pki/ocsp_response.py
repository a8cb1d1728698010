"""OCSP responses: ResponseData to be signed, the whole response, and error responses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING

from app.domain.requests import RevocationReason
from app.domain.responder import CertificateStatus, StatusAnswer
from app.pki import der
from app.pki.ocsp_request import CertId, issuer_hashes, nonce_extensions
from app.pki.ocsp_verdict import (
    Check,
    OcspVerdict,
    VerifiedAnswer,
    verify_ocsp_response,
)
from app.pki.parts import certificate_parts
from app.pki.signatures import algorithm_identifier

if TYPE_CHECKING:
    from app.domain.keys import HashAlgorithm

__all__ = [
    "Check",
    "OcspErrorStatus",
    "OcspVerdict",
    "SingleAnswer",
    "VerifiedAnswer",
    "assemble",
    "error_response",
    "issuer_hashes",
    "responder_id_by_key",
    "responder_id_by_name",
    "response_data",
    "verify_ocsp_response",
]

_BASIC_RESPONSE = der.object_identifier("1.3.6.1.5.5.7.48.1.1")
_GOOD = der.encode(0x80, b"")
_UNKNOWN = der.encode(0x82, b"")


class OcspErrorStatus(IntEnum):
    """OCSPResponseStatus other than successful (RFC 6960 §4.2.1)."""

    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


@dataclass(frozen=True, slots=True)
class SingleAnswer:
    """One certificate's answer; `next_update` None means that newer data is always there."""

    cert_id: CertId
    answer: StatusAnswer
    this_update: datetime
    next_update: datetime | None = None


def responder_id_by_key(signing_certificate: bytes) -> bytes:
    """DER ResponderID: SHA-1 of the signer's key bits.

    Raises:
        InvalidInput: the DER is no certificate.
    """
    key_identifier = certificate_parts(signing_certificate).key_identifier
    return der.explicit(2, der.octet_string(key_identifier))


def responder_id_by_name(signing_certificate: bytes) -> bytes:
    """DER ResponderID: the signer's subject name.

    Raises:
        InvalidInput: the DER is no certificate.
    """
    return der.explicit(1, certificate_parts(signing_certificate).subject)


def response_data(
    answers: tuple[SingleAnswer, ...],
    responder_id: bytes,
    produced_at: datetime,
    nonce: bytes | None = None,
) -> bytes:
    """DER ResponseData, which is what is signed (RFC 6960 §4.2.1).

    Args:
        answers: in the order of the request.
        responder_id: from `responder_id_by_key` or `responder_id_by_name`.
        produced_at: aware UTC.
        nonce: that of the request, to be echoed.

    Raises:
        InvalidInput: a nonce of 0 or over 128 octets.
    """
    return der.sequence(
        responder_id,
        der.generalized_time(produced_at),
        der.sequence(*(_single_response(answer) for answer in answers)),
        b"" if nonce is None else der.explicit(1, nonce_extensions(nonce)),
    )


def _single_response(single: SingleAnswer) -> bytes:
    return der.sequence(
        single.cert_id.der,
        _status(single.answer),
        der.generalized_time(single.this_update),
        b""
        if single.next_update is None
        else der.explicit(0, der.generalized_time(single.next_update)),
    )


def _status(answer: StatusAnswer) -> bytes:
    if answer.status is CertificateStatus.GOOD:
        return _GOOD
    if answer.status is CertificateStatus.UNKNOWN:
        return _UNKNOWN
    if answer.revoked_at is None:
        raise ValueError("a revoked answer needs the time of the revocation")
    told = answer.reason not in {None, RevocationReason.UNSPECIFIED}
    reason = der.explicit(0, der.enumerated(answer.reason or 0)) if told else b""
    return der.explicit(1, der.generalized_time(answer.revoked_at) + reason)


def assemble(
    to_be_signed: bytes,
    signature: bytes,
    algorithm_family: str,
    hash_algorithm: HashAlgorithm,
    certificate: bytes | None,
) -> bytes:
    """DER OCSPResponse with status successful.

    Args:
        to_be_signed: from `response_data`.
        signature: over it; ECDSA as DER Ecdsa-Sig-Value.
        algorithm_family: `RSA`, `RSA-PSS` or `ECDSA`.
        hash_algorithm: of the signature.
        certificate: DER of the signing certificate; None to leave it out.
    """
    basic = der.sequence(
        to_be_signed,
        algorithm_identifier(algorithm_family, hash_algorithm),
        der.bit_string(signature),
        b"" if certificate is None else der.explicit(0, der.sequence(certificate)),
    )
    response = der.sequence(_BASIC_RESPONSE, der.octet_string(basic))
    return der.sequence(der.enumerated(0), der.explicit(0, response))


def error_response(status: OcspErrorStatus) -> bytes:
    """DER OCSPResponse that says only why there is no answer; it is never signed."""
    return der.sequence(der.enumerated(status))
