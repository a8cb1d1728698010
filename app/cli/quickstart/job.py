"""The steps of the quick start, in the guide's order; each reuses what is there already."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from app.cli.quickstart.judge import Judge, find_openssl
from app.domain.authorities import LocationFlag
from app.domain.errors import EnvironmentFault
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.principals import TemplateRight
from app.domain.requests import Disposition, RevocationReason
from app.domain.services import ServiceName
from app.pki.locations import default_locations
from app.pki.pem import CERTIFICATE, CRL, to_pem
from app.pki.serials import serial_hex
from app.services.authority.authorities import CreateAuthority
from app.services.authority.enrollment import SubmitRequest
from app.services.authority.revocation import RevokeCertificate
from app.services.responder.configurations import AddConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.cli.quickstart.token import KeyPlace
    from app.domain.authorities import Authority
    from app.domain.responder import RevocationConfiguration
    from app.services.backend import Backend

CONFIGURATION = "Test"
SIGNING_TEMPLATE = "OCSPResponseSigning"
CLIENT_TEMPLATE = "WebServer"
CHANGE_SECONDS = 1.0
ENOUGH_RIGHTS = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What `--json` prints; paths of PEM files, the CRL in DER; None where it does not apply."""

    home: str
    ca_certificate: str
    issuer_certificate: str
    signing_certificate: str
    good_certificate: str
    good_key: str
    revoked_certificate: str
    revoked_key: str
    ocsp_url: str
    crl: str
    library: str | None
    token: str | None
    pin_file: str | None
    softhsm2_conf: str | None
    verified: bool


class Job:
    """Goes through the guide on a backend whose service host runs already."""

    def __init__(
        self,
        backend: Backend,
        place: KeyPlace,
        address: str,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._place = place
        self._address = address
        self._folder = folder
        self._say = say

    def run(self) -> Result:
        """All steps; the result has been verified by `openssl`.

        Raises:
            SealkeeperError: a step failed; what was done before it stays and is reused next time.
        """
        authority = self._authority()
        self._template()
        authority = self._issuing(authority)
        configuration = self._configuration(authority)
        ca = self._save("ca.pem", to_pem(CERTIFICATE, authority.certificate))
        signer = self._backend.responder.signers(configuration.id)[0]
        signing = self._save("signing.pem", to_pem(CERTIFICATE, signer.certificate))
        good = self._leaf(authority, "good")
        revoked = self._leaf(authority, "revoked")
        url = f"http://{self._address}/ocsp"
        judge = Judge(find_openssl(), ca)
        self._prove(judge, good, url, "good")
        self._revoke(authority, judge, revoked, url)
        crl = self._crl(authority, judge, good, revoked)
        place = self._place
        return Result(
            home=str(self._backend.home),
            ca_certificate=str(ca),
            issuer_certificate=str(ca),
            signing_certificate=str(signing),
            good_certificate=str(good),
            good_key=str(good.with_suffix(".key")),
            revoked_certificate=str(revoked),
            revoked_key=str(revoked.with_suffix(".key")),
            ocsp_url=url,
            crl=str(crl),
            library=place.library,
            token=place.token.label if place.token else None,
            pin_file=str(place.pin_file) if place.pin_file else None,
            softhsm2_conf=str(place.softhsm2_conf) if place.softhsm2_conf else None,
            verified=True,
        )

    # --- the CA ---------------------------------------------------------------------------------

    def _authority(self) -> Authority:
        name = self._backend.authorities.proposed_name()
        for authority in self._backend.authorities.list():
            if authority.name == name:
                self._say(f"The certification authority {name} is there already.")
                return authority
        authority = self._backend.authorities.create(
            CreateAuthority(
                name=name,
                provider=f"RSA#{self._place.provider}",
                spec=KeySpec(KeyAlgorithm.RSA, 2048),
                token=self._place.token,
                server_dns_name=self._address,
            )
        )
        where = "in the token" if self._place.token else "encrypted on disk"
        self._say(f"Set up the enterprise root CA {name}; its RSA 2048 key is {where}.")
        return authority

    def _template(self) -> None:
        account = self._backend.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
        identity = self._backend.directory.network_identity(account)
        template = self._backend.templates.get(SIGNING_TEMPLATE)
        granted = {entry.account.key: entry.allow for entry in template.permissions}
        if ENOUGH_RIGHTS in granted.get(identity.key, TemplateRight.NONE):
            self._say(f"{identity} may enroll for {template.display_name} already.")
            return
        self._backend.templates.permit(SIGNING_TEMPLATE, identity, add=ENOUGH_RIGHTS)
        self._backend.templates.set_fields(SIGNING_TEMPLATE, {"providers": self._place.provider})
        self._say(
            f"Template {template.display_name}: {identity} may read, enroll and autoenroll; "
            f"keys must live in {self._place.provider}."
        )

    def _issuing(self, authority: Authority) -> Authority:
        wanted = {SIGNING_TEMPLATE, CLIENT_TEMPLATE}
        if not wanted <= set(authority.templates):
            self._backend.authorities.add_template(authority.id, SIGNING_TEMPLATE, CLIENT_TEMPLATE)
            self._say(f"{authority.name} issues {SIGNING_TEMPLATE} and {CLIENT_TEMPLATE}.")
        if not any(LocationFlag.IN_OCSP in entry.flags for entry in authority.locations):
            for location in default_locations():
                if LocationFlag.IN_OCSP in location.flags:
                    self._backend.authorities.add_location(authority.id, location)
            self._say("Certificates name the online responder in their AIA extension.")
        return self._backend.authorities.get(authority.id)

    # --- the responder --------------------------------------------------------------------------

    def _configuration(self, authority: Authority) -> RevocationConfiguration:
        for configuration in self._backend.responder.list():
            if configuration.authority_id == authority.id:
                self._say(f"The revocation configuration {configuration.name} is there already.")
                if self._backend.responder.maintain():
                    self._say("Its signing certificate was due and has been renewed.")
                return configuration
        added = self._backend.responder.add(
            AddConfiguration(name=CONFIGURATION, authority_id=authority.id)
        )
        if added.problem is not None:
            raise added.problem
        self._say(
            f"Added the revocation configuration {CONFIGURATION}; its signing certificate was "
            "enrolled with a new key."
        )
        return added.configuration

    # --- the client -----------------------------------------------------------------------------

    def _leaf(self, authority: Authority, name: str) -> Path:
        """A Web Server certificate from a PKCS#10 request, made anew when it has expired."""
        path = self._folder / f"{name}.pem"
        if path.exists() and self._still_valid(authority, path, name):
            self._say(f"The {name} certificate is there already.")
            return path
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name}.sealkeeper.test"),
                x509.NameAttribute(NameOID.COUNTRY_NAME, "IN"),
            ]
        )
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(f"{name}.sealkeeper.test")]),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        submission = self._backend.enrollment.submit(
            SubmitRequest(
                authority_id=authority.id,
                request=request.public_bytes(Encoding.DER),
                attributes=(("CertificateTemplate", CLIENT_TEMPLATE),),
            )
        )
        if submission.certificate is None:
            raise EnvironmentFault(
                f"Request {submission.row.id} is pending.",
                remedy=f"Issue it: sealkeeper ca issue {submission.row.id}; then start again.",
            )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._save(f"{name}.key", pem, mode=0o600)
        self._say(f"Issued certificate {submission.row.serial_number} to {name}.sealkeeper.test.")
        return self._save(f"{name}.pem", to_pem(CERTIFICATE, submission.certificate))

    def _still_valid(self, authority: Authority, path: Path, name: str) -> bool:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        if certificate.not_valid_after_utc <= self._backend.clock.now():
            return False
        with self._backend.database.read() as tx:
            row = tx.requests.by_serial(authority.id, serial_hex(certificate.serial_number))
        if row is None:
            return False
        return name == "revoked" or row.disposition is Disposition.ISSUED

    def _prove(self, judge: Judge, certificate: Path, url: str, expected: str) -> None:
        for nonce in (True, False):
            # A change reaches every responder within a second, in other processes too.
            until = time.monotonic() + CHANGE_SECONDS
            status = judge.status(certificate, url, nonce=nonce)
            while status != expected and time.monotonic() < until:
                status = judge.status(certificate, url, nonce=nonce)
            if status != expected:
                raise EnvironmentFault(
                    f"openssl was told {status} of {certificate.name}, not {expected}.",
                    remedy="Look at the path: sealkeeper responder status",
                )
        self._say(f"openssl ocsp, with and without nonce: {certificate.name} is {expected}.")

    def _revoke(self, authority: Authority, judge: Judge, certificate: Path, url: str) -> None:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        row = self._backend.enrollment.by_serial(authority.id, serial_hex(loaded.serial_number))
        if row.disposition is Disposition.ISSUED:
            self._prove(judge, certificate, url, "good")
            self._backend.revocation.revoke(
                RevokeCertificate(authority.id, row.serial_number, RevocationReason.SUPERSEDED)
            )
            self._say(f"Revoked {row.serial_number}.")
        self._prove(judge, certificate, url, "revoked")

    def _crl(self, authority: Authority, judge: Judge, good: Path, revoked: Path) -> Path:
        crl = self._backend.revocation.publish_crl(authority.id)
        path = self._save("ca.crl", crl.raw)
        pem = self._save("ca.crl.pem", to_pem(CRL, crl.raw))
        if not judge.crl_accepts(good, pem) or judge.crl_accepts(revoked, pem):
            raise EnvironmentFault("openssl verify -crl_check disagrees with the CRL.")
        self._say(f"Published CRL {crl.number}; openssl verify -crl_check agrees with it.")
        return path

    def _save(self, name: str, content: bytes, mode: int = 0o644) -> Path:
        """Write a result file in one step, so that a reader never sees half of it."""
        path = self._folder / name
        partial = path.with_name(path.name + ".new")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        partial.replace(path)
        return path
