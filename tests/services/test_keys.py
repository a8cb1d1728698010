from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.errors import InUse, InvalidInput, KeyAbsent, NameInUse, Refused, TokenError
from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import NETWORK_SERVICE, SYSTEM
from app.domain.responder import SignerState
from app.domain.secret import Secret
from app.domain.token_memory import TokenMemory
from app.hsm.isolated_library import IsolatedLibrary
from app.hsm.messages import Generate
from app.hsm.token_provider import TokenKeyProvider
from app.services.security_library.key_certificates import CertificateState
from tests.services.certificates import a_certificate
from tests.services.support import messages
from tests.store.records import a_configuration, a_signer, an_authority

if TYPE_CHECKING:
    from concurrent.futures import Future

    from app.domain.keys import KeyDescription
    from app.domain.libraries import Library, SlotRegistration
    from app.domain.principals import AccountName
    from app.services.backend import Backend
    from app.services.wiring import Parts

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


def use_for_ca_and_responder(backend: Backend, ca: KeyDescription, signer: KeyDescription) -> None:
    with backend.database.write() as tx:
        authority = tx.authorities.add(
            replace(an_authority("Test-CA"), key=ca.locator, certificate=a_certificate("Test-CA"))
        )
        configuration = tx.configurations.add(a_configuration(authority.id, "Test"))
        tx.signers.add(
            replace(
                a_signer(configuration.id, SignerState.CURRENT),
                key=signer.locator,
                certificate=a_certificate("ocsp"),
            )
        )


def test_keys_on_a_token_tell_who_uses_them(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    made = [
        backend.keys.generate(f"ECDSA_P256#{library.provider_name}", None, P256, label, SYSTEM)
        for label in ("ca", "signer", "orphan")
    ]
    use_for_ca_and_responder(backend, made[0], made[1])
    listed = backend.keys.on_token(library.id, registrations[0].token)
    assert {(key.description.locator.label, key.used_by) for key in listed} == {
        ("ca", "CA Test-CA"),
        ("signer", "OCSPSvc\\Test (current)"),
        ("orphan", ""),
    }
    certificates = {
        key.description.locator.label: [
            (each.owner, each.subject, each.state) for each in key.certificates
        ]
        for key in listed
    }
    assert certificates == {
        "ca": [("CA Test-CA", "CN=Test-CA", CertificateState.CURRENT)],
        "signer": [("OCSPSvc\\Test", "CN=ocsp", CertificateState.CURRENT)],
        "orphan": [],
    }
    assert not any(key.label_shared for key in listed)
    assert all(key.description.extractable is False for key in listed)
    assert f"The ECDSA_P256 key “ca” was generated in {library.provider_name}." in messages(backend)


def test_a_key_is_deleted_only_when_its_label_is_repeated(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    key = backend.keys.generate(library.provider_name, None, P256, "mine", SYSTEM)
    with pytest.raises(Refused):
        backend.keys.delete(key.locator, confirm_label="Mine")
    assert len(backend.keys.on_token(library.id, registrations[0].token)) == 1
    backend.keys.delete(key.locator, confirm_label="mine")
    assert backend.keys.on_token(library.id, registrations[0].token) == ()
    assert messages(backend)[-1] == "The key “mine” was deleted."
    with pytest.raises(KeyAbsent):
        backend.keys.delete(key.locator, confirm_label="mine")


def test_a_key_in_use_is_deleted_only_on_demand(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    ca = backend.keys.generate(library.provider_name, None, P256, "ca", SYSTEM)
    signer = backend.keys.generate(library.provider_name, None, P256, "signer", SYSTEM)
    use_for_ca_and_responder(backend, ca, signer)
    with pytest.raises(InUse) as caught:
        backend.keys.delete(signer.locator, confirm_label="signer")
    assert "OCSPSvc\\Test (current)" in caught.value.cause
    backend.keys.delete(signer.locator, confirm_label="signer", even_if_used=True)
    listed = backend.keys.on_token(library.id, registrations[0].token)
    assert [key.description.locator for key in listed] == [ca.locator]


def test_what_cannot_be_generated_is_refused(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    for label in ("", " ", "x" * 65, "two\nlines"):
        with pytest.raises(InvalidInput):
            backend.keys.generate(library.provider_name, None, P256, label, SYSTEM)
    with pytest.raises(Refused):
        backend.keys.generate(library.provider_name, None, P256, "key", NETWORK_SERVICE)
    assert backend.keys.on_token(library.id, registrations[0].token) == ()


def test_software_keys_need_no_registration(backend: Backend) -> None:
    key = backend.keys.generate(SOFTWARE_PROVIDER, None, P256, "soft", NETWORK_SERVICE)
    assert key.locator.token is None
    assert [(row.description.locator, row.used_by) for row in backend.keys.software()] == [
        (key.locator, "")
    ]
    assert backend.key_access.open(key.locator, SYSTEM).find(key.locator) == key
    backend.keys.delete(key.locator, confirm_label="soft")
    assert backend.keys.software() == ()


def test_a_token_that_nobody_registered_is_not_opened(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    for row in registrations:
        backend.slots.unregister(row.id)
    with pytest.raises(Refused, match="has no registered slot"):
        backend.keys.on_token(library.id, registrations[0].token)


def test_several_threads_generate_side_by_side(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(
                lambda n: backend.keys.generate(
                    library.provider_name, None, P256, f"key {n}", registrations[n % 2].account
                ),
                range(6),
            )
        )
    listed = {
        key.description.locator.public_key_sha256
        for key in backend.keys.on_token(library.id, registrations[0].token)
    }
    assert listed == {key.locator.public_key_sha256 for key in made}
    assert len(listed) == 6


def test_a_label_is_given_once_and_shared_ones_are_marked(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    token = registrations[0].token
    backend.keys.generate(library.provider_name, token, P256, "same")
    with pytest.raises(NameInUse):
        backend.keys.generate(library.provider_name, token, P256, "same")
    second = backend.keys.generate(library.provider_name, token, P256, "other")
    with pytest.raises(NameInUse):
        backend.keys.rename(second.locator, "same")
    listed = backend.keys.on_token(library.id, token)
    assert [key.label_shared for key in listed] == [False, False]


def test_labels_that_two_keys_share_are_marked(backend: Backend, parts: Parts) -> None:
    for label in ("same", "other", "third"):
        backend.keys.generate(SOFTWARE_PROVIDER, None, P256, label)
    with pytest.raises(NameInUse):
        backend.keys.generate(SOFTWARE_PROVIDER, None, P256, "same")
    # As another program can: the store takes care of its own labels alone.
    changed = 0
    for path in (parts.home / "keys").iterdir():
        content = path.read_bytes()
        other = b"Label: " + b"other".hex().encode() + b"\n"
        if content.startswith(other):
            path.write_bytes(content.replace(other, b"Label: " + b"same".hex().encode() + b"\n"))
            changed += 1
    assert changed == 1
    listed = [(row.description.locator.label, row.label_shared) for row in backend.keys.software()]
    assert sorted(listed) == [("same", True), ("same", True), ("third", False)]


def test_a_key_is_renamed_wherever_it_is_kept(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    ca = backend.keys.generate(library.provider_name, None, P256, "ca", SYSTEM)
    signer = backend.keys.generate(library.provider_name, None, P256, "signer", SYSTEM)
    use_for_ca_and_responder(backend, ca, signer)
    with pytest.raises(InvalidInput):
        backend.keys.rename(ca.locator, " ")
    renamed = backend.keys.rename(ca.locator, " the CA ")
    assert renamed.locator == replace(ca.locator, label="the CA")
    backend.keys.rename(signer.locator, "the signer")
    labels = {
        key.description.locator.label
        for key in backend.keys.on_token(library.id, registrations[0].token)
    }
    assert labels == {"the CA", "the signer"}
    with backend.database.read() as tx:
        (authority,) = tx.authorities.all()
        (kept,) = tx.signers.all(tx.configurations.all()[0].id)
    assert (authority.key.label, kept.key.label) == ("the CA", "the signer")
    assert "The key “ca” was renamed to “the CA”." in messages(backend)
    assert backend.keys.rename(renamed.locator, "the CA") == renamed


@pytest.mark.parametrize(
    ("spec", "how"),
    [
        (P256, "ECDSA_P256, ECDSA with SHA256"),
        (KeySpec(KeyAlgorithm.RSA, 2048), "RSA 2048, PKCS1 with SHA256"),
        (KeySpec(KeyAlgorithm.ED25519, 256), "Ed25519, EDDSA with SHA512"),
    ],
)
def test_a_key_is_tested(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    spec: KeySpec,
    how: str,
) -> None:
    key = backend.keys.generate(library.provider_name, registrations[0].token, spec, "mine")
    test = backend.keys.test(key.locator)
    assert (test.signs, test.algorithm) == (True, how)
    assert test.milliseconds > 0
    backend.keys.delete(key.locator, confirm_label="mine")
    with pytest.raises(KeyAbsent):
        backend.keys.test(key.locator)


def test_a_wrong_signature_is_told_of(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = backend.keys.generate(library.provider_name, registrations[0].token, P256, "mine")
    sign = TokenKeyProvider.sign

    def forged(self: TokenKeyProvider, *arguments: Any) -> Future[bytes]:
        locator, scheme, digest = arguments
        return sign(self, locator, scheme, bytes(len(digest)))

    monkeypatch.setattr(TokenKeyProvider, "sign", forged)
    test = backend.keys.test(key.locator)
    assert not test.signs
    assert "does not match" in test.note


def test_software_keys_are_tested_and_know_no_officer(backend: Backend) -> None:
    key = backend.keys.generate(SOFTWARE_PROVIDER, None, P256, "soft")
    assert backend.keys.test(key.locator).signs
    with pytest.raises(InvalidInput, match="no security officer"):
        backend.keys.generate(SOFTWARE_PROVIDER, None, P256, "other", so_pin=Secret("1234"))
    assert backend.keys.rename(key.locator, "new").locator.label == "new"
    assert [row.description.locator.label for row in backend.keys.software()] == ["new"]


def test_a_full_token_is_explained_with_its_figures(
    backend: Backend,
    library: Library,
    registrations: tuple[SlotRegistration, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = IsolatedLibrary.ask

    def full(self: IsolatedLibrary, request: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(request, Generate):
            raise TokenError("full", ckr="CKR_DEVICE_MEMORY", function="C_GenerateKeyPair")
        return ask(self, request, *arguments, **named)

    monkeypatch.setattr(IsolatedLibrary, "ask", full)
    monkeypatch.setattr("app.hsm.token_provider.memory_of", lambda _slot: TokenMemory(65536, 512))
    with pytest.raises(TokenError) as caught:
        backend.keys.generate(library.provider_name, registrations[0].token, P256, "one more")
    assert caught.value.cause.endswith("It reports 512 bytes free of 64.0 KiB.")
    assert "Retire" in caught.value.remedy
    assert "orphans" in caught.value.remedy
    assert caught.value.ckr == "CKR_DEVICE_MEMORY"


def test_a_token_is_opened_with_a_password_that_is_there(
    backend: Backend, library: Library, registrations: tuple[SlotRegistration, ...]
) -> None:
    mine, other = registrations
    assert mine.account == backend.directory.current_account()

    def chosen() -> AccountName:
        return backend.keys._holders.registration(library, mine.token).account

    assert chosen() == mine.account
    with backend.database.write() as tx:
        tx.registrations.set_ask_at_start(mine.id, ask=True)
    assert chosen() == other.account
    backend.key_access.ledger.enter(mine.id, Secret("entered"))
    assert chosen() == mine.account
    with backend.database.write() as tx:
        tx.registrations.mark_refused(mine.id, mine.registered_at)
    assert chosen() == other.account
