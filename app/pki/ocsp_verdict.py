"""A client's view of an OCSP response: each check that RFC 6960 wants, with its result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.domain.errors import InvalidInput
from app.domain.requests import RevocationReason
from app.domain.responder import CertificateStatus, StatusAnswer
from app.pki import der
from app.pki.ocsp_request import OID_NONCE, CertId, read_cert_id
from app.pki.parts import certificate_parts, load_certificate
from app.pki.signatures import read_algorithm_identifier, require_usable, signature_matches
from app.pki.signing_certificate import SignerCheck, signer_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK_TOLERANCE = timedelta(minutes=5)
_GOOD, _UNKNOWN = 0x80, 0x82
_OID_BASIC = "1.3.6.1.5.5.7.48.1.1"
_STATUS_WORDS = {
    0: "successful",
    1: "malformedRequest",
    2: "internalError",
    3: "tryLater",
    5: "sigRequired",
    6: "unauthorized",
}
_GOOD_SENTENCES = {
    SignerCheck.ISSUER: "The signing certificate was issued by the certification authority.",
    SignerCheck.PURPOSE: "The signing certificate is meant for OCSP Signing.",
    SignerCheck.NO_CHECK: "The signing certificate has OCSP No Revocation Checking.",
    SignerCheck.VALIDITY: "The signing certificate is valid now.",
    SignerCheck.KEY_USAGE: "The signing certificate's key may sign.",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check, its result, and a sentence that says it."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """One certificate's answer as it stood in the response."""

    cert_id: CertId
    answer: StatusAnswer
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspVerdict:
    """What a response says and whether it can be believed.

    Attributes:
        response_status: name of OCSPResponseStatus, "" where the bytes are no response.
        checks: in the order in which they were made; the first that fails explains the rest.
        answers: all answers of the response, believed or not.
        asked: the answers to what was asked, in that order; None where there is none.
        signing_certificate: DER of the certificate that the signature fits, None for none.
    """

    response_status: str
    checks: tuple[Check, ...]
    answers: tuple[VerifiedAnswer, ...] = ()
    asked: tuple[VerifiedAnswer | None, ...] = ()
    produced_at: datetime | None = None
    nonce: bytes | None = None
    signing_certificate: bytes | None = None

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def first_problem(self) -> Check | None:
        """The first check that failed."""
        return next((check for check in self.checks if not check.passed), None)

    @property
    def status(self) -> CertificateStatus | None:
        """Status of the first certificate asked for; None unless every check passed."""
        if not self.passed or not self.asked or self.asked[0] is None:
            return None
        return self.asked[0].answer.status


@dataclass(frozen=True, slots=True)
class _Response:
    signed: bytes
    responder_id: bytes
    produced_at: datetime
    answers: tuple[VerifiedAnswer, ...]
    nonce: bytes | None
    algorithm: bytes
    signature: bytes
    certificates: tuple[bytes, ...]


def verify_ocsp_response(
    response: bytes,
    cert_ids: tuple[CertId, ...],
    nonce: bytes | None,
    issuer: bytes,
    now: datetime,
) -> OcspVerdict:
    """Check a DER OCSPResponse as a client does; a bad response is a verdict, never an exception.

    Args:
        response: the bytes that were received.
        cert_ids: what was asked.
        nonce: what was sent, None for none.
        issuer: DER of the CA's certificate.
        now: aware UTC; five minutes of difference between clocks are tolerated.

    Raises:
        InvalidInput: the CA's certificate cannot be read.
    """
    load_certificate(issuer)
    try:
        status, body = _read_status(response)
        parsed = None if body is None else _read_basic(body)
    except der.DerError as error:
        return _no_answer("", f"The answer is not an OCSP response: in its bytes there is {error}.")
    if parsed is None:
        return _no_answer(status, f"The responder gave no answer but “{status}”.")
    signer = _signer(parsed, issuer)
    asked = tuple(_answer_for(cert_id, parsed.answers) for cert_id in cert_ids)
    return OcspVerdict(
        response_status=status,
        checks=(
            Check("Response", True, "The responder gave an answer."),
            *_signature_checks(parsed, signer, issuer, now),
            _id_check(asked),
            *_time_checks(asked, now),
            _nonce_check(nonce, parsed.nonce),
        ),
        answers=parsed.answers,
        asked=asked,
        produced_at=parsed.produced_at,
        nonce=parsed.nonce,
        signing_certificate=signer,
    )


def _no_answer(status: str, sentence: str) -> OcspVerdict:
    return OcspVerdict(response_status=status, checks=(Check("Response", False, sentence),))


# --- reading --------------------------------------------------------------------------------


def _read_status(response: bytes) -> tuple[str, bytes | None]:
    """Name of the status, and the BasicOCSPResponse where there is one."""
    outer = der.Reader(response)
    message = outer.enter()
    outer.finish()
    number = message.integer(der.ENUMERATED)
    status = _STATUS_WORDS.get(number, str(number))
    if number != 0:
        message.finish()
        return status, None
    wrapper = message.enter(der.CONTEXT_0)
    message.finish()
    typed = wrapper.enter()
    wrapper.finish()
    if typed.object_identifier() != _OID_BASIC:
        raise der.DerError("a response of an unknown type")
    basic = typed.read(der.OCTET_STRING)
    typed.finish()
    return status, basic


def _read_basic(basic: bytes) -> _Response:
    outer = der.Reader(basic)
    body = outer.enter()
    outer.finish()
    signed = body.read_raw(der.SEQUENCE)
    algorithm = body.read_raw(der.SEQUENCE)
    signature = body.bits()
    certificates: list[bytes] = []
    if not body.at_end:
        wrapper = body.enter(der.CONTEXT_0)
        items = wrapper.enter()
        wrapper.finish()
        while not items.at_end:
            certificates.append(items.read_raw(der.SEQUENCE))
    body.finish()
    data = der.Reader(signed).enter()
    if data.tag == der.CONTEXT_0:
        data.read_raw()
    responder_id = data.read_raw()
    produced_at = data.generalized_time()
    answers = tuple(_read_answers(data.enter()))
    nonce = _read_nonce(data.enter(der.CONTEXT_1)) if data.tag == der.CONTEXT_1 else None
    data.finish()
    return _Response(
        signed, responder_id, produced_at, answers, nonce, algorithm, signature, tuple(certificates)
    )


def _read_answers(items: der.Reader) -> Iterator[VerifiedAnswer]:
    while not items.at_end:
        single = items.enter()
        cert_id = read_cert_id(single.read_raw(der.SEQUENCE))
        answer = _read_certificate_status(single)
        this_update = single.generalized_time()
        next_update = (
            single.enter(der.CONTEXT_0).generalized_time() if single.tag == der.CONTEXT_0 else None
        )
        if single.tag == der.CONTEXT_1:
            single.enter(der.CONTEXT_1).extensions()
        single.finish()
        yield VerifiedAnswer(cert_id, answer, this_update, next_update)


def _read_certificate_status(single: der.Reader) -> StatusAnswer:
    if single.tag == _GOOD:
        single.read(_GOOD)
        return StatusAnswer(CertificateStatus.GOOD)
    if single.tag == _UNKNOWN:
        single.read(_UNKNOWN)
        return StatusAnswer(CertificateStatus.UNKNOWN)
    revoked = single.enter(der.CONTEXT_1)
    revoked_at = revoked.generalized_time()
    number = 0 if revoked.at_end else revoked.enter(der.CONTEXT_0).integer(der.ENUMERATED)
    revoked.finish()
    # 8 to 10 are no reasons of this CA; the status is what counts.
    known = number in set(RevocationReason)
    reason = RevocationReason(number) if known else RevocationReason.UNSPECIFIED
    return StatusAnswer(CertificateStatus.REVOKED, revoked_at, reason)


def _read_nonce(wrapper: der.Reader) -> bytes | None:
    extensions = wrapper.extensions()
    wrapper.finish()
    for oid, _, value in extensions:
        if oid == OID_NONCE:
            return der.Reader(value).read(der.OCTET_STRING)
    return None


# --- checking -------------------------------------------------------------------------------


def _signer(response: _Response, issuer: bytes) -> bytes | None:
    """The certificate that the responder id names, among those sent along and the CA's own."""
    for certificate in (*response.certificates, issuer):
        try:
            parts = certificate_parts(certificate)
        except InvalidInput:
            continue
        by_key = der.explicit(2, der.octet_string(parts.key_identifier))
        if response.responder_id in {by_key, der.explicit(1, parts.subject)}:
            return certificate
    return None


def _signature_checks(
    response: _Response, signer: bytes | None, issuer: bytes, now: datetime
) -> Iterator[Check]:
    if signer is None:
        yield Check("Responder", False, "No certificate in the answer fits the responder's id.")
        return
    try:
        problems = signer_problems(signer, issuer, now)
        right = _signature_is_right(response, signer)
    except (InvalidInput, der.DerError) as error:
        yield Check("Responder", False, f"The signing certificate cannot be used: {error}")
        return
    yield Check("Responder", True, "The responder's id names the signing certificate.")
    yield Check(
        "Signature",
        right,
        "The signature is right." if right else "The signature on the answer is wrong.",
    )
    for check, good in _GOOD_SENTENCES.items():
        name = f"Signing certificate: {check}"
        yield Check(name, check not in problems, problems.get(check, good))


def _signature_is_right(response: _Response, signer: bytes) -> bool:
    algorithm = read_algorithm_identifier(response.algorithm)
    if algorithm is None:
        return False
    public_key = require_usable(load_certificate(signer).public_key())
    return signature_matches(public_key, response.signature, response.signed, algorithm)


def _answer_for(cert_id: CertId, answers: tuple[VerifiedAnswer, ...]) -> VerifiedAnswer | None:
    return next((answer for answer in answers if answer.cert_id.matches(cert_id)), None)


def _id_check(asked: tuple[VerifiedAnswer | None, ...]) -> Check:
    missing = sum(answer is None for answer in asked)
    if missing:
        return Check(
            "Certificate ID",
            False,
            f"{missing} of {len(asked)} certificates that were asked for are not in the answer.",
        )
    return Check("Certificate ID", True, "The answer is about the certificate asked for.")


def _time_checks(asked: tuple[VerifiedAnswer | None, ...], now: datetime) -> Iterator[Check]:
    for answer in asked:
        if answer is None:
            continue
        until = answer.next_update
        if answer.this_update > now + _CLOCK_TOLERANCE:
            sentence = f"The answer is valid only from {answer.this_update:%Y-%m-%d %H:%M:%S} UTC."
            yield Check("Times", False, sentence)
        elif until is not None and until < now - _CLOCK_TOLERANCE:
            sentence = f"The answer was valid until {until:%Y-%m-%d %H:%M:%S} UTC."
            yield Check("Times", False, sentence)
        else:
            yield Check("Times", True, "The answer is valid now.")


def _nonce_check(sent: bytes | None, received: bytes | None) -> Check:
    if sent is None:
        return Check("Nonce", True, "No nonce was sent.")
    if received is None:
        return Check("Nonce", False, "The nonce that was sent is not in the answer.")
    if received != sent:
        return Check("Nonce", False, "The nonce in the answer is not the one that was sent.")
    return Check("Nonce", True, "The nonce came back.")
