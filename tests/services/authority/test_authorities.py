"""Setting up a CA and changing its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from app.domain.authorities import Location, LocationFlag, LocationList
from app.domain.errors import (
    InvalidInput,
    KeyStorageError,
    NameInUse,
    NotFound,
    Refused,
)
from app.domain.keys import HashAlgorithm, KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import AccountName, AuthorityRight
from app.services.authority.authorities import CreateAuthority

if TYPE_CHECKING:
    from app.domain.authorities import Authority
    from app.services.backend import Backend

P256 = KeySpec(KeyAlgorithm.ECDSA_P256, 256)


def wish(**changes: object) -> CreateAuthority:
    values: dict[str, object] = {
        "name": "Another CA",
        "provider": f"ECDSA_P256#{SOFTWARE_PROVIDER}",
        "spec": P256,
        **changes,
    }
    return CreateAuthority(**values)  # type: ignore[arg-type]  # a table of changed fields


def test_creates_certificate_key_and_first_crl(backend: Backend, authority: Authority) -> None:
    certificate = x509.load_der_x509_certificate(authority.certificate)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == "CN=Test CA"
    crl = backend.revocation.latest(authority.id)
    assert crl is not None
    assert crl.number == 1
    assert [key.used_by for key in backend.keys.software()] == ["CA Test CA"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": " blank"},
        {"name": "a/b"},
        {"name": "x" * 65},
        {"hash_algorithm": HashAlgorithm.SHA1},
        {"provider": f"RSA#{SOFTWARE_PROVIDER}"},
        {"distinguished_name_suffix": "no name"},
    ],
)
def test_bad_input_changes_nothing(backend: Backend, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        backend.authorities.create(wish(**changes))
    assert backend.authorities.list() == ()
    assert backend.keys.software() == ()


def test_a_name_in_use_is_refused(backend: Backend, authority: Authority) -> None:
    with pytest.raises(NameInUse):
        backend.authorities.create(wish(name="test ca"))
    assert [ca.id for ca in backend.authorities.list()] == [authority.id]
    assert len(backend.keys.software()) == 1


@pytest.mark.parametrize(
    "provider",
    [
        "ecdsa_p256#Software key storage PROVIDER",
        SOFTWARE_PROVIDER,
        "Microsoft Software Key Storage Provider",
    ],
)
def test_the_provider_is_kept_as_the_list_shows_it(backend: Backend, provider: str) -> None:
    made = backend.authorities.create(wish(provider=provider))
    assert made.provider == f"ECDSA_P256#{SOFTWARE_PROVIDER}"


def test_an_unknown_provider_lists_those_that_there_are(backend: Backend) -> None:
    with pytest.raises(NotFound, match="Provider") as caught:
        backend.authorities.create(wish(provider="ECDSA_P256#No Such Key Storage Provider"))
    assert SOFTWARE_PROVIDER in caught.value.one_line()


def test_the_key_of_a_failed_set_up_is_deleted(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise KeyStorageError("the token went away")

    monkeypatch.setattr("app.services.authority.authorities.build_root", fail)
    with pytest.raises(KeyStorageError):
        backend.authorities.create(wish())
    assert backend.keys.software() == ()
    assert backend.authorities.list() == ()


def test_locations_are_added_and_removed(backend: Backend, authority: Authority) -> None:
    more = Location(
        LocationList.CDP,
        "http://crl.test/<CaName>.crl",
        LocationFlag.IN_CERTIFICATE_CDP_OR_AIA,
    )
    backend.authorities.add_location(authority.id, more)
    expanded = dict(backend.authorities.expanded_locations(authority.id))
    assert expanded[more] == "http://crl.test/Test%20CA.crl"
    with pytest.raises(NameInUse):
        backend.authorities.add_location(authority.id, more)
    assert more not in backend.authorities.remove_location(authority.id, more).locations
    with pytest.raises(NotFound):
        backend.authorities.remove_location(authority.id, more)


@pytest.mark.parametrize("url", ["", "no url", "ftp://x/y", "http://host", "http:///path"])
def test_a_location_that_cannot_be_fetched_is_refused(
    backend: Backend, authority: Authority, url: str
) -> None:
    flag = LocationFlag.IN_CERTIFICATE_CDP_OR_AIA
    with pytest.raises(InvalidInput):
        backend.authorities.add_location(authority.id, Location(LocationList.AIA, url, flag))


def test_permissions_are_enforced_and_manage_ca_stays_with_somebody(
    backend: Backend, authority: Authority
) -> None:
    carol = backend.directory.current_account()
    everybody = [entry.account for entry in authority.permissions]
    backend.authorities.permit(authority.id, carol, add=AuthorityRight.MANAGE_CA)
    for account in everybody:
        backend.authorities.permit(
            authority.id,
            account,
            add=AuthorityRight.NONE,
            remove=AuthorityRight.MANAGE_CA
            | AuthorityRight.ISSUE_AND_MANAGE_CERTIFICATES
            | AuthorityRight.REQUEST_CERTIFICATES,
        )
    with pytest.raises(Refused, match="Manage CA"):
        backend.authorities.permit(
            authority.id, carol, add=AuthorityRight.NONE, remove=AuthorityRight.MANAGE_CA
        )
    other = AccountName("TEST", "Dave")
    changed = backend.authorities.permit(authority.id, other, add=AuthorityRight.MANAGE_CA)
    assert changed.permissions[-1].account == other


def test_several_authorities_must_be_named(backend: Backend, authority: Authority) -> None:
    assert backend.authorities.find() == backend.authorities.get(authority.id)
    backend.authorities.create(wish())
    with pytest.raises(NotFound, match="several") as caught:
        backend.authorities.find()
    assert "Another CA" in caught.value.remedy
    assert backend.authorities.find("another ca").name == "Another CA"
