"""An OCSP client that believes nothing: every answer is verified before its status is told."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.bench.judge import verified_status
from tests.bench.rounds import WrongAnswerError
from tests.e2e.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_SECONDS = 20


class Asker:
    """Asks about certificates of one issuer; `facts` as `quickstart --json` prints them."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.issuer = load(facts["issuer_certificate"])
        url = urlsplit(facts["ocsp_url"])
        self._host, self._port, self._path = str(url.hostname), url.port, url.path

    def status(self, certificate: x509.Certificate, *, nonce: bool = True) -> str:
        """`good`, `revoked` or `unknown`.

        Raises:
            WrongAnswerError: the answer is not a signed one to this question.
            OSError: there was none.
        """
        sent = os.urandom(32) if nonce else None
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            certificate, self.issuer, hashes.SHA256()
        )
        if sent is not None:
            builder = builder.add_extension(x509.OCSPNonce(sent), critical=False)
        connection = http.client.HTTPConnection(self._host, self._port, PATIENCE_SECONDS)
        try:
            body = builder.build().public_bytes(Encoding.DER)
            connection.request(
                "POST", self._path, body, {"Content-Type": "application/ocsp-request"}
            )
            answer = connection.getresponse().read()
        finally:
            connection.close()
        return verified_status(answer, certificate.serial_number, sent, self.issuer)

    def wait_answered(self, certificate: x509.Certificate) -> bool:
        """Ask until there is an answer: a responder that is still loading says tryLater."""
        return wait_until(lambda: self._answered(certificate), PATIENCE_SECONDS)

    def _answered(self, certificate: x509.Certificate) -> bool:
        try:
            self.status(certificate)
        except WrongAnswerError:
            return False
        return True


def load(path: str) -> x509.Certificate:
    """A certificate from its PEM file."""
    return x509.load_pem_x509_certificate(Path(path).read_bytes())
