"""Fills a home with what a busy week leaves: certificates, decisions, and one fault."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from app.domain.ids import RequestId
from app.domain.keys import HashAlgorithm, KeyAlgorithm, KeySpec
from app.domain.requests import Disposition, RequestQuery, RevocationReason
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from app.services.authority.revocation import RevokeCertificate
from app.services.responder.configurations import AddConfiguration
from app.services.templates.catalogue import DuplicateTemplate
from tests.e2e.console_steps import CA

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from app.domain.authorities import Authority
    from app.domain.requests import RequestRow
    from app.services.backend import Backend

SECOND_CA = "Devices-CA"
BROKEN = "Devices"
REVIEWED = "Partner Web Server"
_ASKS = 240
_NAMES = (
    *("www", "mail", "vpn", "intranet", "wiki", "git", "build", "registry", "monitor", "backup"),
    *("ldap", "proxy", "files", "print", "voice", "timesheet", "payroll", "archive", "db1", "db2"),
    *("web1", "web2", "web3", "api", "login", "id", "shop", "support", "news", "stage"),
)
_REVOKED = (
    ("build", RevocationReason.KEY_COMPROMISE),
    ("news", RevocationReason.CESSATION_OF_OPERATION),
    ("web1", RevocationReason.SUPERSEDED),
    ("stage", RevocationReason.CERTIFICATE_HOLD),
    ("db2", RevocationReason.AFFILIATION_CHANGED),
)


def _request(key: RSAPrivateKey, name: str) -> bytes:
    """A PKCS#10 for a server of the example organisation."""
    host = f"{name}.example.test"
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, host),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Ltd"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    return (
        builder.add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def fill(backend: Backend) -> None:
    """Certificates of all states by the first CA; a second CA with its own configuration."""
    (authority,) = backend.authorities.list()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def submit(name: str, template: str = "WebServer") -> None:
        data = _request(key, name)
        backend.enrollment.submit(
            SubmitRequest(authority_id=authority.id, request=data, template=template)
        )

    for name in _NAMES:
        submit(name)
    for name, reason in _REVOKED:
        (row,) = _rows(backend, authority, f"{name}.example.test")
        backend.revocation.revoke(RevokeCertificate(authority.id, row.serial_number, reason))
    backend.revocation.publish_crl(authority.id)
    _decisions(backend, authority, submit)
    _second(backend)


def _rows(backend: Backend, authority: Authority, text: str) -> tuple[RequestRow, ...]:
    query = RequestQuery(authority_id=authority.id, dispositions=frozenset(Disposition), text=text)
    return backend.enrollment.page(tuple(RequestId(each) for each in backend.enrollment.ids(query)))


def _decisions(backend: Backend, authority: Authority, submit: Callable[[str, str], None]) -> None:
    """Requests that wait for a manager, and one that was denied."""
    backend.templates.duplicate(DuplicateTemplate(source="WebServer", display_name=REVIEWED))
    backend.templates.set_fields("PartnerWebServer", {"manager_approval": "true"})
    backend.authorities.add_template(authority.id, "PartnerWebServer")
    for name in ("partner1", "partner2", "partner3", "unknown"):
        submit(name, "PartnerWebServer")
    (denied,) = _rows(backend, authority, "unknown.example.test")
    backend.enrollment.deny(denied.id)


def _second(backend: Backend) -> None:
    """An elliptic CA for devices, with its own configuration."""
    (registration, *_) = backend.slots.registered()
    authority = backend.authorities.create(
        CreateAuthority(
            name=SECOND_CA,
            provider="ECDSA_P256#SoftHSM Key Storage Provider",
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
            token=registration.token,
            hash_algorithm=HashAlgorithm.SHA256,
            server_dns_name=backend.services.listen_address().authority,
            ocsp_location=True,
        )
    )
    backend.authorities.add_template(authority.id, "OCSPResponseSigning", "WebServer")
    backend.responder.add(AddConfiguration(name=BROKEN, authority_id=authority.id))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for name in ("door", "camera", "meter"):
        backend.enrollment.submit(
            SubmitRequest(
                authority_id=authority.id, request=_request(key, name), template="WebServer"
            )
        )


def ask_around(backend: Backend) -> None:
    """Ask the responder about everything that the first CA has issued, as its clients do."""
    authority = backend.authorities.find(CA)
    issuer = x509.load_der_x509_certificate(authority.certificate)
    url = f"http://{backend.services.listen_address().authority}/ocsp"
    rows = [row for row in _rows(backend, authority, "example.test") if row.serial_number]
    for number in range(_ASKS):
        serial = int(rows[number % len(rows)].serial_number, 16)
        request = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            _hash(issuer.subject.public_bytes()),
            x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest,
            serial,
            hashes.SHA1(),  # noqa: S303 - what clients send
        )
        data = request.build().public_bytes(Encoding.DER)
        question = urllib.request.Request(url, data, {"Content-Type": "application/ocsp-request"})
        with urllib.request.urlopen(question, timeout=5) as answer:  # noqa: S310 - ours
            said = ocsp.load_der_ocsp_response(answer.read())
            assert said.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL


def _hash(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303 - what clients send
    digest.update(data)
    return digest.finalize()


def break_second(backend: Backend) -> None:
    """Delete the signing key of the second configuration from the token."""
    configuration = backend.responder.find(BROKEN)
    locator = backend.responder.signers(configuration.id)[0].key
    backend.keys.delete(locator, confirm_label=locator.label, even_if_used=True)
