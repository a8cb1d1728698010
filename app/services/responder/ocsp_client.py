"""Asking an online responder as a client does, and proving what it says."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from app.domain.commands import command_line
from app.domain.errors import EnvironmentFault, InvalidInput
from app.domain.keys import HashAlgorithm
from app.pki.ocsp_request import encode_ocsp_request, make_cert_id
from app.pki.ocsp_verdict import OcspVerdict, verify_ocsp_response
from app.pki.serials import serial_hex

if TYPE_CHECKING:
    from app.domain.clock import Clock
    from app.store.database import Database

TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER = 256 * 1024
NONCE_OCTETS = 32
#: Kept open for the next request; status checks of several views overlap.
CONNECTIONS = 8
HTTP_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOcsp:
    """A question to a responder.

    Attributes:
        certificate: PEM or DER.
        issuer: PEM or DER; None looks among the CAs of this home.
        url: "" takes the first OCSP URL of the certificate.
    """

    certificate: bytes
    issuer: bytes | None = None
    url: str = ""
    nonce: bool = True
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA1


@dataclass(frozen=True, slots=True)
class OcspReport:
    """What the responder said, whether each part of it holds, and how long it took."""

    url: str
    serial_number: str
    verdict: OcspVerdict
    milliseconds: float


class OcspClientService:
    """An OCSP client; blocks for the network, call it from task threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._http = urllib3.PoolManager(
            retries=False, timeout=TIMEOUT_SECONDS, maxsize=CONNECTIONS
        )

    def ask(self, request: AskOcsp) -> OcspReport:
        """Ask and verify signature, delegation, nonce, times and CertID.

        Raises:
            InvalidInput: a file is no certificate, or no URL or issuer is known.
            EnvironmentFault: nothing answers there, or it answers with something else.
        """
        certificate = read_certificate(request.certificate)
        issuer = (
            read_certificate(request.issuer)
            if request.issuer is not None
            else self._issuer(certificate)
        )
        url = request.url or _ocsp_url(certificate)
        nonce = os.urandom(NONCE_OCTETS) if request.nonce else None
        asked = (make_cert_id(certificate.serial_number, _der(issuer), request.hash_algorithm),)
        began = time.perf_counter()
        answer = self._post(url, encode_ocsp_request(asked, nonce))
        milliseconds = (time.perf_counter() - began) * 1000
        verdict = verify_ocsp_response(answer, asked, nonce, _der(issuer), self._clock.now())
        return OcspReport(url, serial_hex(certificate.serial_number), verdict, milliseconds)

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate:
        with self._database.read() as tx:
            authorities = tx.authorities.all()
        for authority in authorities:
            candidate = x509.load_der_x509_certificate(authority.certificate)
            if candidate.subject == certificate.issuer:
                return candidate
        raise InvalidInput(
            "The issuer of the certificate is not known here.",
            cause=f"It was issued by {certificate.issuer.rfc4514_string()}.",
            remedy="Name the issuer's certificate: --issuer FILE",
        )

    def _post(self, url: str, question: bytes) -> bytes:
        if not url.lower().startswith(("http://", "https://")):
            raise InvalidInput(f"“{url}” is no address of a responder.", remedy="Give an http URL.")
        try:
            response = self._http.request(
                "POST",
                url,
                body=question,
                headers={"Content-Type": "application/ocsp-request"},
                preload_content=False,
                redirect=False,
            )
            body = response.read(LARGEST_ANSWER + 1)
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise EnvironmentFault(
                f"Nothing answers at {url}.",
                cause="The online responder is stopped, or the address is wrong.",
                remedy="Start it: " + command_line("serve"),
                detail=f"{type(error).__name__}: {error}",
            ) from error
        if response.status != HTTP_OK or len(body) > LARGEST_ANSWER:
            raise EnvironmentFault(
                f"{url} answered with HTTP status {response.status}.",
                cause="The online responder is stopped there, or something else listens.",
                detail=body[:200].decode("latin-1"),
            )
        return body


def read_certificate(data: bytes) -> x509.Certificate:
    """Read PEM or DER.

    Raises:
        InvalidInput: it is neither.
    """
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise InvalidInput(
            "The file is no certificate.", remedy="Give a PEM or DER file.", detail=str(error)
        ) from error


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _ocsp_url(certificate: x509.Certificate) -> str:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except x509.ExtensionNotFound:
        descriptions: list[x509.AccessDescription] = []
    else:
        descriptions = list(access.value)
    for entry in descriptions:
        location = entry.access_location
        if entry.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            location, x509.UniformResourceIdentifier
        ):
            return location.value
    raise InvalidInput(
        "The certificate does not say which online responder answers for it.",
        cause="It was issued before the OCSP location was added to the CA.",
        remedy="Name the responder: --url URL",
    )
