"""The system's `openssl` as an independent client."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import EnvironmentFault

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks with `openssl`; `ca` is the issuer's certificate as a PEM file."""

    openssl: str
    ca: Path

    def status(self, certificate: Path, url: str, *, nonce: bool) -> str:
        """`good` or `revoked`, as openssl says after it verified the answer.

        Raises:
            EnvironmentFault: it could not verify the answer.
        """
        command = [
            *(self.openssl, "ocsp", "-issuer", str(self.ca), "-cert", str(certificate)),
            *("-url", url, "-CAfile", str(self.ca)),
            *(() if nonce else ("-no_nonce",)),
        ]
        output = self._run(command)
        verified = "Response verify OK" in output
        for word in ("good", "revoked", "unknown"):
            if verified and f"{certificate}: {word}" in output:
                return word
        raise EnvironmentFault(
            "openssl could not verify the answer of the responder.", detail=output
        )

    def crl_accepts(self, certificate: Path, crl: Path) -> bool:
        """Whether `openssl verify -crl_check` takes the certificate with that CRL (PEM).

        Raises:
            EnvironmentFault: it fails for another reason than a revocation.
        """
        output = self._run(
            [
                *(self.openssl, "verify", "-crl_check", "-CAfile", str(self.ca)),
                *("-CRLfile", str(crl), str(certificate)),
            ]
        )
        if f"{certificate}: OK" in output:
            return True
        if "certificate revoked" in output:
            return False
        raise EnvironmentFault("openssl could not verify the CRL.", detail=output)

    @staticmethod
    def _run(command: list[str]) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program with our own files
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFault(f"openssl got no answer within {SECONDS} seconds.") from error
        return f"{done.stdout}\n{done.stderr}"


def find_openssl() -> str:
    """Path of the program.

    Raises:
        EnvironmentFault: it is not installed.
    """
    found = shutil.which("openssl")
    if found is None:
        raise EnvironmentFault(
            "openssl is not installed, so nothing independent can verify the result.",
            remedy="Install the package openssl.",
        )
    return found
