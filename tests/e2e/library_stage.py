"""Fills a home with security libraries, slots in every state, and keys of every kind."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import PinIncorrect, PinLocked
from app.domain.keys import HashAlgorithm, KeyAlgorithm, KeySpec, TokenIdentity
from app.domain.luna import CONFIGURATION_VARIABLE
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.domain.progress import Silent
from app.domain.responder import SignerState
from app.domain.secret import Secret
from app.services.authority.authorities import CreateAuthority
from app.services.security_library.libraries import RegisterLibrary
from app.services.security_library.slots import RegisterSlot
from tests.e2e.running import tool
from tests.faults.module import Faults, build, put_before
from tests.hsm.luna_samples import sample
from tests.modules.modules import ModuleMissingError, nss
from tests.services.certificates import a_certificate
from tests.softhsm import SoftHsm, make_softhsm
from tests.store.records import a_configuration, a_signer

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from app.domain.principals import AccountName
    from app.domain.tokens import LibrarySpec
    from app.services.backend import Backend

OWN, LUNA, OTHER = "OCSP", "CAPartition", "Archive"
CA = "Integration-CA"
PAST = "OCSP signing 1"
SOFTHSM = "SoftHSM Key Storage Provider"
P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)
TRIES = "C_Login pin-tries 3"


@dataclass
class Stage:
    """What there is to be registered, below one folder.

    Attributes:
        own: a SoftHSM with two tokens.
        luna: the fault module under a Luna library's name, and a Luna client's configuration.
        cloud: the folder of a Luna Cloud HSM client in which setenv ran.
    """

    folder: Path
    own: SoftHsm
    archive: TokenIdentity
    luna: Faults
    client: Path
    cloud: Path

    @property
    def library(self) -> Path:
        """The Luna client's library file."""
        return Path(self.luna.spec.path)

    def libraries(self, backend: Backend) -> None:
        """Register more: of a Luna client, another maker's, a disabled one, one that is gone."""
        own, gone = self.own.spec, self.folder / "old-client" / "libsofthsm2.so"
        gone.parent.mkdir()
        spare = self.folder / "spare-client" / "libsofthsm2.so"
        spare.parent.mkdir()
        for copy in (gone, spare):
            shutil.copy(own.path, copy)

        def register(vendor: str, spec: LibrarySpec) -> Library:
            return backend.libraries.register(
                RegisterLibrary(
                    path=spec.path,
                    vendor=vendor,
                    environment=spec.environment,
                    initialisation=spec.initialisation,
                )
            )

        register("SafeNet", self.luna.spec)
        try:
            with nss(self.folder) as module:
                register("NSS", module.spec)
        except ModuleMissingError as error:
            pytest.fail(f"NSS: {error}")
        disabled = register("Spare HSM", replace(own, path=str(spare)))
        backend.libraries.disable(disabled.id)
        register("Old HSM", replace(own, path=str(gone)))
        gone.unlink()

    def slots(self, backend: Backend) -> None:
        """Register slots: ready, refused, and asked at each start."""
        library = next(each for each in backend.libraries.list() if each.vendor == "SoftHSM")

        def register(token: TokenIdentity, account: AccountName, *, asks: bool = False) -> None:
            (row,) = backend.slots.register(
                RegisterSlot(
                    library_id=library.id,
                    token=token,
                    accounts=(account,),
                    pin=self.own.user_pin,
                    ask_at_start=asks,
                )
            )
            if asks:
                backend.key_access.ledger.forget(row.id)

        current = backend.directory.current_account()
        register(self.own.token, current)
        register(self.own.token, SYSTEM)
        register(self.archive, current)
        register(self.archive, NETWORK_SERVICE, asks=True)
        refused = next(
            row
            for row in backend.slots.registered()
            if row.token == self.archive and row.account == current
        )
        with backend.database.write() as tx:
            tx.registrations.mark_refused(refused.id, backend.clock.now())

    def wrong_pin(self, backend: Backend) -> None:
        """Enter a wrong PIN at the Luna partition."""
        library = next(each for each in backend.libraries.list() if each.vendor == "SafeNet")
        with pytest.raises((PinIncorrect, PinLocked)):
            backend.slots.try_slot(library.id, self.luna.softhsm.token, Secret("wrong"), Silent())

    def keys(self, backend: Backend) -> None:
        """A CA, a responder with an earlier pair, an orphan, and two pairs of one label."""
        token = self.own.token
        authority = backend.authorities.create(
            CreateAuthority(
                name=CA,
                provider=f"ECDSA_P256#{SOFTHSM}",
                spec=P256,
                token=token,
                hash_algorithm=HashAlgorithm.SHA256,
                server_dns_name="pki.example.test",
                ocsp_location=True,
            )
        )
        end = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
        past = backend.keys.generate(SOFTHSM, token, P256, PAST)
        now = backend.keys.generate(SOFTHSM, token, P256, "OCSP signing 2")
        backend.keys.generate(SOFTHSM, token, KeySpec(KeyAlgorithm.RSA, 2048), "test 2024")
        for identifier in ("a1", "a2"):
            tool(
                *("pkcs11-tool", "--module", self.own.spec.path, "--token-label", token.label),
                *("--login", "--pin", self.own.user_pin.reveal().decode(), "--keypairgen"),
                *("--key-type", "EC:prime256v1", "--label", "imported", "--id", identifier),
                environment=self.own.environment,
            )
        with backend.database.write() as tx:
            row = a_configuration(authority.id, "Integration")
            row = replace(row, ca_certificate=authority.certificate)
            signer = a_signer(tx.configurations.add(row).id, SignerState.CURRENT)
            for key, state, until in (
                (past, SignerState.EARLIER, end),
                (now, SignerState.CURRENT, end + timedelta(days=14)),
            ):
                begin = until - timedelta(days=14)
                tx.signers.add(
                    replace(
                        signer,
                        state=state,
                        key=key.locator,
                        certificate=a_certificate("ocsp.example.test", begin, until),
                        not_before=begin,
                        not_after=until,
                    )
                )


def make_stage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Everything that the pictures need below a folder; nothing is registered yet."""
    own = make_softhsm(folder / "softhsm", OWN)
    archive = own.new_token(OTHER)
    root = folder / "lunaclient"
    (root / "cert").mkdir(parents=True)
    (root / "lib").mkdir()
    library = root / "lib" / "libCryptoki2_64.so"
    build(folder).rename(library)
    (root / "Chrystoki.conf").write_bytes(sample("ha.conf"))
    partition = make_softhsm(folder / "partition", LUNA)
    spec = partition.spec
    variables = (*spec.environment, (CONFIGURATION_VARIABLE, str(root)))
    partition = replace(partition, spec=replace(spec, environment=variables))
    luna = put_before(partition, library, folder / "control")
    # What only the fault module needs is nothing to be seen.
    for name, value in set(luna.spec.environment) - set(variables):
        monkeypatch.setenv(name, value)
    spec = replace(luna.spec, environment=variables)
    luna = replace(luna, softhsm=replace(luna.softhsm, spec=spec))
    luna.set("slots placeholders 2", TRIES)
    return Stage(folder, own, archive, luna, root, _cloud(folder / "cloudclient"))


def _cloud(folder: Path) -> Path:
    (folder / "libs" / "64").mkdir(parents=True)
    text = sample("cloud_minimum.conf").decode().replace("/opt/cloudclient", str(folder))
    (folder / "Chrystoki.conf").write_text(text)
    for name in ("server", "partition-ca", "partition"):
        (folder / f"{name}-certificate.pem").write_text(name)
    return folder
