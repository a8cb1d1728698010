"""The responders that are compared: `sealkeeper serve` on a home, and `openssl ocsp -port`."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.keys import EC_BITS, KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import SYSTEM, TemplateRight
from app.domain.requests import RevocationReason
from app.domain.services import ServiceName
from app.main import open_backend
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from app.services.authority.revocation import RevokeCertificate
from app.services.responder.configurations import AddConfiguration
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from tests.bench.asking import Asker
from tests.bench.authority import make_authority, named, signing_certificate
from tests.bench.judge import Judge
from tests.e2e.running import serving

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from app.domain.authorities import Authority
    from app.services.backend import Backend
    from tests.bench.authority import Key
    from tests.softhsm import SoftHsm

CERTIFICATES = 40
#: One in so many is revoked.
REVOKED_EVERY = 8
TEMPLATE, LEAVES = "OCSPResponseSigning", "WebServer"
RIGHTS = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL


@dataclass(frozen=True, slots=True)
class Responder:
    """Where one answers, and what is true of its certificates."""

    address: tuple[str, int]
    path: str
    judge: Judge


def new_key(algorithm: KeyAlgorithm) -> Key:
    """A key in memory, RSA-2048 or P-256."""
    if algorithm is KeyAlgorithm.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


# --- ours ---------------------------------------------------------------------------------------


def start_sealkeeper(
    folder: Path, stack: ExitStack, algorithm: KeyAlgorithm, token: SoftHsm | None
) -> Responder:
    """A home with a CA, its responder and certificates, served by a process of its own."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    with open_backend(home) as backend:
        authority = set_up(backend, algorithm, token)
        truth, leaf = _issue(backend, authority)
    judge = Judge(folder / "ca.pem", truth)
    certificate = x509.load_der_x509_certificate(authority.certificate)
    judge.issuer.write_bytes(certificate.public_bytes(Encoding.PEM))
    facts, _ = stack.enter_context(serving(home, "serve", "--port", "0"))
    if not Asker({**facts, "issuer_certificate": str(judge.issuer)}).wait_answered(leaf):
        raise RuntimeError("the responder does not answer")
    url = urlsplit(facts["ocsp_url"])
    return Responder((str(url.hostname), int(url.port or 80)), url.path, judge)


def set_up(backend: Backend, algorithm: KeyAlgorithm, token: SoftHsm | None) -> Authority:
    """A CA whose responder works: keys in the token, or in the software store."""
    provider = SOFTWARE_PROVIDER
    if token is not None:
        library = backend.libraries.register(
            RegisterLibrary(path=token.spec.path, environment=token.spec.environment)
        )
        accounts = (backend.directory.current_account(), SYSTEM)
        backend.slots.register(
            RegisterSlot(
                library_id=library.id, token=token.token, accounts=accounts, pin=token.user_pin
            )
        )
        provider = library.provider_name
    authority = backend.authorities.create(
        CreateAuthority(
            name="Measured CA",
            provider=f"{algorithm}#{provider}",
            spec=KeySpec(algorithm, EC_BITS.get(algorithm, 2048)),
            token=token.token if token else None,
        )
    )
    account = backend.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
    identity = backend.directory.network_identity(account)
    backend.templates.permit(TEMPLATE, identity, add=RIGHTS)
    backend.templates.set_fields(TEMPLATE, {"providers": provider, "algorithm": str(algorithm)})
    authority = backend.authorities.add_template(authority.id, TEMPLATE, LEAVES)
    added = backend.responder.add(AddConfiguration(name="Measured", authority_id=authority.id))
    if added.problem is not None:
        raise added.problem
    return authority


def _issue(backend: Backend, authority: Authority) -> tuple[dict[int, str], x509.Certificate]:
    """The status of each serial number, and the last certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(named("leaf.test"))
    der = request.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    truth = {}
    for number in range(CERTIFICATES):
        done = backend.enrollment.submit(
            SubmitRequest(authority_id=authority.id, request=der, template=LEAVES)
        )
        serial = done.row.serial_number
        revoked = number % REVOKED_EVERY == 0
        if revoked:
            backend.revocation.revoke(
                RevokeCertificate(authority.id, serial, RevocationReason.SUPERSEDED)
            )
        truth[int(serial, 16)] = "revoked" if revoked else "good"
    if done.certificate is None:
        raise RuntimeError("the request is pending")
    return truth, x509.load_der_x509_certificate(done.certificate)


# --- openssl's ----------------------------------------------------------------------------------


def start_openssl(folder: Path, stack: ExitStack, algorithm: KeyAlgorithm) -> Responder:
    """`openssl ocsp -port` with a delegated signing key of the same kind, in a file.

    It waits for ever for a client that connects and asks nothing, so nobody ever does.
    """
    folder.mkdir()
    authority, key = make_authority(folder, new_key(algorithm)), new_key(algorithm)
    signer = folder / "signer.pem"
    signer.write_bytes(
        signing_certificate(authority, key).public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    truth = {
        (1 << 120) + number: "good" if number % REVOKED_EVERY else "revoked"
        for number in range(CERTIFICATES)
    }
    index = folder / "index.txt"
    index.write_text("".join(_index_line(serial, status) for serial, status in truth.items()))
    process = subprocess.Popen(
        [
            *("openssl", "ocsp", "-port", "0", "-index", str(index), "-CA", str(authority.file)),
            *("-rsigner", str(signer), "-rkey", str(signer), "-ndays", "1"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"ACCEPT .*:(\d+)", line)
    if found is None:
        raise RuntimeError(f"openssl does not listen: {line}")
    # Where there is IPv6, openssl listens there only.
    host = "::1" if "[::]" in line else "127.0.0.1"
    return Responder((host, int(found[1])), "/", Judge(authority.file, truth))


def _index_line(serial: int, status: str) -> str:
    now = datetime.now(UTC)
    end, then = f"{now + timedelta(days=9):%y%m%d%H%M%SZ}", f"{now:%y%m%d%H%M%SZ}"
    letter, when = ("V", "") if status == "good" else ("R", f"{then},superseded")
    return f"{letter}\t{end}\t{when}\t{serial:X}\tunknown\t/CN={serial:x}\n"
