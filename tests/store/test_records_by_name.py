"""Authorities, CRLs, configurations, signers, templates and principals: names and rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import EnvironmentFault, InvalidInput, NameInUse, NotFound
from app.domain.ids import AuthorityId, ConfigurationId, CrlId, SignerId
from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import AccountName, Principal, PrincipalKind, TemplateRight
from app.domain.responder import SignerState
from app.domain.templates import (
    OID_OCSP_SIGNING,
    AlternateName,
    KeyUsage,
    SubjectFormat,
    SubjectSource,
    TemplateVersion,
)
from app.resources_path import resource
from app.store.builtin_templates import load_builtin_templates, template_oid_base
from tests.store.records import (
    HOUR,
    KEY,
    NOW,
    SetClock,
    a_configuration,
    a_crl,
    a_signer,
    an_authority,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.domain.authorities import Authority
    from app.store.database import Database

DAVE = AccountName("LOCAL", "dave")
GROUP = AccountName("LOCAL", "Operators")


def test_names_of_authorities_ignore_case(database: Database, authority: Authority) -> None:
    with database.write() as store:
        with pytest.raises(NameInUse, match="ROOT ca"):
            store.authorities.add(an_authority("ROOT ca"))
        other = store.authorities.add(an_authority("Straße"))
        with pytest.raises(NameInUse):
            store.authorities.update(replace(other, name=authority.name.upper()))
        assert store.authorities.by_name("STRASSE") == other
        assert store.authorities.by_name("none") is None
        assert store.authorities.all() == (authority, other)


def test_crls_are_numbered_over_all_keys(database: Database, authority: Authority) -> None:
    with database.write() as store:
        assert store.crls.next_number(authority.id) == 1
        assert store.crls.latest(authority.id) is None
        first = store.crls.add(a_crl(authority.id, 1))
        renewed = store.crls.add(a_crl(authority.id, 5, key_index=1))
        with pytest.raises(NameInUse, match="5"):
            store.crls.add(a_crl(authority.id, 5, key_index=1))
        assert store.crls.next_number(authority.id) == 6
        assert store.crls.latest(authority.id) == first
        assert store.crls.latest(authority.id, 1) == renewed
        assert [crl.id for crl in store.crls.all(authority.id)] == [renewed.id, first.id]


def test_names_of_configurations_ignore_case(database: Database, authority: Authority) -> None:
    with database.write() as store:
        first = store.configurations.add(a_configuration(authority.id, "Array"))
        with pytest.raises(NameInUse):
            store.configurations.add(a_configuration(authority.id, "ARRAY"))
        second = store.configurations.add(a_configuration(authority.id, "Other"))
        with pytest.raises(NameInUse):
            store.configurations.update(replace(second, name="array"))
        store.configurations.update(replace(second, name="other", provider="SafeNet"))
        assert store.configurations.all() == (
            first,
            replace(second, name="other", provider="SafeNet"),
        )
        assert store.configurations.by_name("array") == first


def test_a_configuration_has_one_current_signer(database: Database, authority: Authority) -> None:
    with database.write() as store:
        configuration = store.configurations.add(a_configuration(authority.id))
        assert store.signers.current(configuration.id) is None
        first = store.signers.add(a_signer(configuration.id, SignerState.CURRENT))
        second = store.signers.add(a_signer(configuration.id, SignerState.CURRENT))
        third = store.signers.add(a_signer(configuration.id, SignerState.EARLIER))
        earlier = replace(first, state=SignerState.EARLIER)
        assert store.signers.all(configuration.id) == (third, second, earlier)
        store.signers.make_current(first.id)
        assert store.signers.current(configuration.id) == first
        store.signers.make_current(first.id)
        store.signers.remove(first.id)
        assert store.signers.current(configuration.id) is None
        store.configurations.remove(configuration.id)
        assert store.signers.all(configuration.id) == ()


def test_a_signer_keeps_its_key_and_when_that_was_retired(
    database: Database, authority: Authority
) -> None:
    with database.write() as store:
        configuration = store.configurations.add(a_configuration(authority.id))
        first = store.signers.add(a_signer(configuration.id, SignerState.CURRENT))
        other = store.signers.add(a_signer(configuration.id, SignerState.CURRENT))
        renamed = replace(first.key, label="renamed")
        store.signers.set_key(first.id, renamed)
        store.signers.set_key_retired(first.id, NOW)
    with database.read() as store:
        assert store.signers.all(configuration.id) == (
            other,
            replace(first, state=SignerState.EARLIER, key=renamed, key_retired_at=NOW),
        )


def test_what_does_not_exist_is_said_so(database: Database, authority: Authority) -> None:
    nothing = 77
    configuration = a_configuration(AuthorityId(nothing))
    with database.write() as store:
        lookups: list[Callable[[], object]] = [
            lambda: store.authorities.get(AuthorityId(nothing)),
            lambda: store.authorities.update(replace(authority, id=AuthorityId(nothing), name="x")),
            lambda: store.crls.add(a_crl(AuthorityId(nothing), 1)),
            lambda: store.crls.raw(CrlId(nothing)),
            lambda: store.configurations.add(configuration),
            lambda: store.configurations.get(ConfigurationId(nothing)),
            lambda: store.configurations.update(
                replace(configuration, id=ConfigurationId(nothing), authority_id=authority.id)
            ),
            lambda: store.configurations.remove(ConfigurationId(nothing)),
            lambda: store.signers.add(a_signer(ConfigurationId(nothing), SignerState.CURRENT)),
            lambda: store.signers.make_current(SignerId(nothing)),
            lambda: store.signers.remove(SignerId(nothing)),
            lambda: store.signers.set_key(SignerId(nothing), KEY),
            lambda: store.signers.set_key_retired(SignerId(nothing), NOW),
            lambda: store.templates.remove("77"),
            lambda: store.principals.remove(AccountName("LOCAL", "77")),
            lambda: store.principals.set_members(AccountName("LOCAL", "77"), ()),
        ]
        for lookup in lookups:
            with pytest.raises(NotFound, match="77"):
                lookup()
        assert store.configurations.by_name("77") is None
        assert store.templates.get("77") is None


def test_templates_keep_their_earlier_versions(database: Database, clock: SetClock) -> None:
    template = load_builtin_templates(resource("templates"), "LOCAL")[0]
    second = replace(template, minor_version=2, name=template.name.upper())
    with database.write() as store:
        store.templates.put(template)
        store.templates.put(template)
        assert store.templates.history(template.name) == ()
        store.templates.put(second, account="LOCAL\\root")
        assert store.templates.all() == (second,)
        clock.moment = NOW + HOUR
        store.templates.remove(template.name.lower())
        assert store.templates.get(template.name) is None
        assert store.templates.history(template.name) == (
            TemplateVersion(second, NOW + HOUR, ""),
            TemplateVersion(template, NOW, "LOCAL\\root"),
        )


def test_principals_and_groups(database: Database) -> None:
    dave = Principal(DAVE, PrincipalKind.USER, "Dave")
    with database.write() as store:
        store.principals.add(dave)
        store.principals.add(Principal(GROUP, PrincipalKind.GROUP))
        with pytest.raises(NameInUse, match="DAVE"):
            store.principals.add(Principal(AccountName("local", "DAVE"), PrincipalKind.GROUP))
        with pytest.raises(InvalidInput, match="not a group"):
            store.principals.set_members(DAVE, ())
        store.principals.set_members(GROUP, [AccountName("local", "Dave"), GROUP])
        assert store.principals.all()[0] == dave
        store.principals.remove(DAVE)
        assert store.principals.all() == (Principal(GROUP, PrincipalKind.GROUP, members=(GROUP,)),)


def test_the_built_in_templates_hold_what_the_tools_ship() -> None:
    found = load_builtin_templates(resource("templates"), "CONTOSO")
    by_name = {template.name: template for template in found}
    names = "CA CodeSigning Machine OCSPResponseSigning SubCA User UserSignature WebServer"
    assert sorted(by_name) == [*names.split(), "Workstation"]
    assert [each.display_name for each in found] == sorted(each.display_name for each in found)
    for template in found:
        assert template.problems() == ()
        assert template.builtin
        assert template.minimum_key_size >= 2048
        assert template.request_hash is HashAlgorithm.SHA256
    assert len({template.oid for template in found}) == len(found)
    for name in ("CA", "SubCA"):
        assert by_name[name].is_ca
        assert KeyUsage.KEY_CERT_SIGN in by_name[name].key_usage


def test_the_built_in_ocsp_template() -> None:
    found = load_builtin_templates(resource("templates"), "CONTOSO")
    (ocsp,) = [each for each in found if each.name == "OCSPResponseSigning"]
    assert (ocsp.schema_version, ocsp.major_version, ocsp.minor_version) == (3, 101, 0)
    assert ocsp.validity == Period(2, PeriodUnit.WEEKS)
    assert ocsp.renewal == Period(2, PeriodUnit.DAYS)
    assert (ocsp.algorithm, ocsp.minimum_key_size) == (KeyAlgorithm.RSA, 2048)
    assert ocsp.key_usage == {KeyUsage.DIGITAL_SIGNATURE}
    assert ocsp.application_policies == (OID_OCSP_SIGNING,)
    assert ocsp.ocsp_no_check
    assert ocsp.subject_source is SubjectSource.BUILD_FROM_DIRECTORY
    assert ocsp.subject_format is SubjectFormat.DNS_NAME
    assert ocsp.alternate_names == (AlternateName.DNS,)
    assert ocsp.oid == f"{template_oid_base('contoso')}.1.32"
    assert {str(each.account): each.allow for each in ocsp.permissions} == {
        "CONTOSO\\Domain Admins": TemplateRight.FULL_CONTROL,
        "CONTOSO\\Enterprise Admins": TemplateRight.FULL_CONTROL,
        "NT AUTHORITY\\Authenticated Users": TemplateRight.READ,
    }


def test_every_domain_has_template_oids_of_its_own() -> None:
    assert template_oid_base("CONTOSO") == template_oid_base("contoso")
    assert template_oid_base("CONTOSO") != template_oid_base("LOCAL")
    parts = template_oid_base("LOCAL").split(".")
    assert parts[:9] == ["1", "3", "6", "1", "4", "1", "311", "21", "8"]
    assert len(parts) == 15


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "', "name = "),
        ("minor_version = 0", 'minor_version = "0"'),
        ('validity = "2 weeks"', 'validity = "2 fortnights"'),
        ('validity = "2 weeks"', 'validity = "1 day"'),
        ('["read"]', '["dance"]'),
        ("ocsp_no_check", "ocsp_nocheck"),
    ],
)
def test_a_damaged_template_file_is_named(tmp_path: Path, old: str, new: str) -> None:
    text = resource("templates", "ocsp-response-signing.toml").read_text()
    assert old in text
    (tmp_path / "damaged.toml").write_text(text.replace(old, new))
    with pytest.raises(EnvironmentFault, match="built-in") as damaged:
        load_builtin_templates(tmp_path, "LOCAL")
    assert "damaged.toml" in damaged.value.detail


def test_missing_templates_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault):
        load_builtin_templates(tmp_path, "LOCAL")
