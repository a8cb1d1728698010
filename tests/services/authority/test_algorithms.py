"""CAs with keys of every algorithm: what they issue is judged by openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import SignatureAlgorithmOID

from app.domain.keys import HashAlgorithm, KeyAlgorithm, KeySpec, scheme_for
from app.domain.libraries import SOFTWARE_PROVIDER
from app.hsm.software import SoftwareKeyProvider
from app.pki.pem import CERTIFICATE, CRL, to_pem
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from tests.services.requests import make_request

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.authorities import Authority
    from app.domain.keys import SignatureScheme
    from app.domain.libraries import Library, SlotRegistration
    from app.services.backend import Backend

SPECS = [
    KeySpec(KeyAlgorithm.RSA, 2048),
    KeySpec(KeyAlgorithm.ECDSA_P521, 521),
    KeySpec(KeyAlgorithm.ED25519, 256),
    KeySpec(KeyAlgorithm.DSA, 2048),
]


def create(backend: Backend, provider: str, spec: KeySpec) -> Authority:
    made = backend.authorities.create(
        CreateAuthority(
            name="Test CA",
            provider=f"{spec.algorithm}#{provider}",
            spec=spec,
            server_dns_name="127.0.0.1:8080",
        )
    )
    return backend.authorities.add_template(made.id, "WebServer", "OCSPResponseSigning")


def issue(backend: Backend, authority: Authority) -> bytes:
    submission = backend.enrollment.submit(
        SubmitRequest(authority_id=authority.id, request=make_request(), template="WebServer")
    )
    assert submission.certificate is not None
    return submission.certificate


def judge(backend: Backend, authority: Authority, certificate: bytes, folder: Path) -> None:
    """`openssl verify` with the CA's own CRL."""
    crl = backend.revocation.latest(authority.id)
    assert crl is not None
    (folder / "ca.pem").write_bytes(to_pem(CERTIFICATE, authority.certificate))
    (folder / "crl.pem").write_bytes(to_pem(CRL, crl.raw))
    (folder / "leaf.pem").write_bytes(to_pem(CERTIFICATE, certificate))
    command = "openssl verify -x509_strict -check_ss_sig -crl_check -CRLfile crl.pem -CAfile ca.pem"
    done = subprocess.run(
        [*command.split(), "leaf.pem"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_ca_with_a_software_key_issues(backend: Backend, tmp_path: Path, spec: KeySpec) -> None:
    authority = create(backend, SOFTWARE_PROVIDER, spec)
    assert authority.key.spec == spec
    judge(backend, authority, issue(backend, authority), tmp_path)


def test_a_ca_with_an_ed25519_key_on_a_token_issues(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    tmp_path: Path,
) -> None:
    assert registrations
    spec = KeySpec(KeyAlgorithm.ED25519, 256)
    authority = create(backend, library.provider_name, spec)
    assert authority.key.token is not None
    judge(backend, authority, issue(backend, authority), tmp_path)
    assert backend.enrollment.facts(authority.certificate).signature_algorithm == "Ed25519"


def test_where_there_is_only_pss_the_ca_signs_so(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_pss(
        _provider: SoftwareKeyProvider,
        algorithm: KeyAlgorithm,
        hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    ) -> SignatureScheme:
        return scheme_for(algorithm, hash_algorithm, pss=True)

    monkeypatch.setattr(SoftwareKeyProvider, "scheme", only_pss)
    authority = create(backend, SOFTWARE_PROVIDER, SPECS[0])
    certificate = issue(backend, authority)
    judge(backend, authority, certificate, tmp_path)
    crl = backend.revocation.latest(authority.id)
    assert crl is not None
    signed: list[x509.Certificate | x509.CertificateRevocationList] = [
        x509.load_der_x509_certificate(authority.certificate),
        x509.load_der_x509_certificate(certificate),
        x509.load_der_x509_crl(crl.raw),
    ]
    for each in signed:
        assert each.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
        assert isinstance(each.signature_algorithm_parameters, padding.PSS)
