"""Verifies OCSP answers with other people's software: cryptography, and openssl's client."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.bench.rounds import WrongAnswerError

STATUS = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows the issuer (a PEM file) and the true status of each serial."""

    issuer: Path
    truth: dict[int, str]

    def verify(self, body: bytes, serial: int, nonce: bytes | None) -> None:
        """Judge one answer by cryptography.

        Raises:
            WrongAnswerError: it is not a right and signed answer to that question.
        """
        issuer = x509.load_pem_x509_certificate(self.issuer.read_bytes())
        status = verified_status(body, serial, nonce, issuer)
        if status != self.truth[serial]:
            raise WrongAnswerError(f"{serial:x} is {self.truth[serial]}, not {status}")

    def verify_by_openssl(self, body: bytes, serial: int, folder: Path) -> None:
        """Judge one answer by `openssl ocsp -respin`.

        Raises:
            WrongAnswerError: openssl does not believe it, or is told another status.
        """
        file = folder / "answer.der"
        file.write_bytes(body)
        done = subprocess.run(
            [
                *("openssl", "ocsp", "-respin", str(file), "-issuer", str(self.issuer)),
                *("-serial", f"0x{serial:x}", "-CAfile", str(self.issuer), "-no_nonce"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        said = done.stdout + done.stderr
        if "Response verify OK" not in said or f": {self.truth[serial]}" not in said:
            raise WrongAnswerError(f"openssl does not believe the answer: {said.strip()}")


def verified_status(body: bytes, serial: int, nonce: bytes | None, issuer: x509.Certificate) -> str:
    """What an answer says of a certificate, once its signature and its nonce have been checked.

    Raises:
        WrongAnswerError: it is no signed answer to that question.
    """
    response = ocsp.load_der_ocsp_response(body)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise WrongAnswerError(f"the responder says {response.response_status.name}")
    if response.serial_number != serial:
        raise WrongAnswerError("the answer is about another certificate")
    found = [e.value.nonce for e in response.extensions if isinstance(e.value, x509.OCSPNonce)]
    if nonce is not None and found != [nonce]:
        raise WrongAnswerError("the nonce is not the one that was sent")
    _verify_signature(response, issuer)
    return STATUS[response.certificate_status]


def _verify_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    (signer,) = response.certificates
    key, hashed = signer.public_key(), response.signature_hash_algorithm
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usage or hashed is None:
        raise WrongAnswerError("the answer is signed by a certificate that may not")
    try:
        signer.verify_directly_issued_by(issuer)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashed))
        else:
            raise WrongAnswerError("the answer is signed with a key of another kind")
    except InvalidSignature as error:
        raise WrongAnswerError("the signature is wrong") from error
