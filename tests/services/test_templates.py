from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import (
    InUse,
    InvalidInput,
    NameInUse,
    NotFound,
    Refused,
    UnknownTemplate,
)
from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import AccountName, PrincipalKind, TemplateRight
from app.domain.templates import OID_OCSP_SIGNING, KeyUsage
from app.services.templates import DuplicateTemplate
from tests.services.support import messages
from tests.store.records import a_configuration, an_authority

if TYPE_CHECKING:
    from app.domain.templates import Template
    from app.services.backend import Backend

OCSP = "OCSPResponseSigning"


def rights(template: Template, account: AccountName) -> TemplateRight:
    return next(
        (row.allow for row in template.permissions if row.account == account), TemplateRight.NONE
    )


def test_the_built_in_templates_are_installed_once(backend: Backend) -> None:
    before = backend.templates.list()
    backend.templates.set_fields(OCSP, {"validity": "4 hours", "renewal": "1 hour"})
    backend.templates.install_builtin()
    assert len(backend.templates.list()) == len(before)
    assert backend.templates.get(OCSP).validity == Period(4, PeriodUnit.HOURS)
    assert all(template.builtin and not template.problems() for template in before)


def test_a_template_is_found_by_both_names(backend: Backend) -> None:
    assert backend.templates.get("ocsp response signing").name == OCSP
    assert backend.templates.get("OCSPRESPONSESIGNING").application_policies == (OID_OCSP_SIGNING,)
    with pytest.raises(UnknownTemplate):
        backend.templates.get("Nothing")


def test_the_guides_test_values_are_set_from_text(backend: Backend) -> None:
    before = backend.templates.get(OCSP)
    changed = backend.templates.set_fields(
        OCSP,
        {
            "validity": "4 hours",
            "renewal": "1 hour",
            "publish-to-directory": "true",
            "providers": "RSA#SoftHSM Key Storage Provider; Software Key Storage Provider",
            "request_hash": "sha384",
            "key_usage": "digitalSignature;non_repudiation",
        },
    )
    assert changed == backend.templates.get(OCSP)
    assert changed.is_test_value
    assert changed.publish_to_directory
    assert changed.providers == ("SoftHSM Key Storage Provider", "Software Key Storage Provider")
    assert changed.request_hash is HashAlgorithm.SHA384
    assert changed.key_usage == {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
    assert changed.minor_version == before.minor_version + 1
    assert f"version {changed.major_version}.{changed.minor_version}" in messages(backend)[-1]


def test_choosing_a_curve_sets_the_key_size(backend: Backend) -> None:
    changed = backend.templates.set_fields(OCSP, {"algorithm": "ecdsa_p384"})
    assert (changed.algorithm, changed.minimum_key_size) == (KeyAlgorithm.ECDSA_P384, 384)
    for name, bits in (("ed25519", 256), ("dsa", 2048)):
        changed = backend.templates.set_fields(OCSP, {"algorithm": name})
        assert (changed.algorithm, changed.minimum_key_size) == (KeyAlgorithm(name), bits)
    back = backend.templates.set_fields(OCSP, {"algorithm": "RSA", "minimum_key_size": "3072"})
    assert back.minimum_key_size == 3072


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"colour": "red"}, "no field"),
        ({"validity": "soon"}, "validity"),
        ({"publish_to_directory": "perhaps"}, "publish_to_directory"),
        ({"renewal": "3 weeks"}, "not changed"),
        ({"minimum_key_size": "1024"}, "not changed"),
        ({"minimum_key_size": "-1"}, "minimum_key_size"),
        ({"algorithm": "ElGamal"}, "algorithm"),
        ({"algorithm": "DSA", "minimum_key_size": "4096"}, "not changed"),
        ({"application_policies": "1.2.3"}, "not changed"),
        ({"application_policies": "ocsp"}, "application_policies"),
        ({"display_name": ""}, "display_name"),
        ({"providers": "XYZ#Some Provider"}, "providers"),
        ({"name": "Other"}, "no field"),
    ],
)
def test_bad_fields_change_nothing(backend: Backend, fields: dict[str, str], word: str) -> None:
    before = backend.templates.get(OCSP)
    with pytest.raises(InvalidInput, match=word) as caught:
        backend.templates.set_fields(OCSP, fields)
    assert caught.value.remedy
    assert backend.templates.get(OCSP) == before


def test_a_copy_has_names_oid_and_versions_of_its_own(backend: Backend) -> None:
    copy = backend.templates.duplicate(DuplicateTemplate(source="Web Server"))
    source = backend.templates.get("WebServer")
    assert (copy.display_name, copy.name) == ("Copy of Web Server", "CopyofWebServer")
    assert copy.oid != source.oid
    assert copy.oid.startswith("1.3.6.1.4.1.311.21.8.")
    assert (copy.schema_version, copy.major_version, copy.minor_version) == (2, 100, 0)
    assert not copy.builtin
    assert copy.permissions == source.permissions
    with pytest.raises(NameInUse):
        backend.templates.duplicate(DuplicateTemplate(source="WebServer"))
    with pytest.raises(NameInUse):
        backend.templates.duplicate(
            DuplicateTemplate(source="WebServer", display_name="ocsp response signing")
        )
    for name in ("a/b", "x" * 65, 'quote"d'):
        with pytest.raises(InvalidInput):
            backend.templates.duplicate(DuplicateTemplate(source="WebServer", name=name))
    with pytest.raises(UnknownTemplate):
        backend.templates.duplicate(DuplicateTemplate(source="Nothing"))


def test_of_schema_1_only_permissions_change(backend: Backend) -> None:
    with pytest.raises(Refused, match="Only the permissions"):
        backend.templates.set_fields("WebServer", {"validity": "1 year"})
    carol = backend.directory.current_account()
    before = backend.templates.get("WebServer")
    changed = backend.templates.permit("WebServer", carol, add=TemplateRight.ENROLL)
    assert rights(changed, carol) == TemplateRight.ENROLL
    assert changed.minor_version == before.minor_version


def test_saving_an_outdated_copy_is_refused(backend: Backend) -> None:
    opened = backend.templates.get(OCSP)
    backend.templates.set_fields(OCSP, {"manager_approval": "yes"})
    with pytest.raises(Refused, match="changed meanwhile"):
        backend.templates.save(replace(opened, publish_to_directory=True))
    fresh = backend.templates.get(OCSP)
    saved = backend.templates.save(replace(fresh, publish_to_directory=True, oid="1.2", name=OCSP))
    assert saved.manager_approval
    assert saved.publish_to_directory
    assert saved.oid == opened.oid
    with pytest.raises(UnknownTemplate):
        backend.templates.save(replace(fresh, name="Gone"))
    with pytest.raises(NameInUse):
        backend.templates.save(replace(saved, display_name="WEB SERVER"))


def test_permissions_are_given_and_taken(backend: Backend) -> None:
    host = AccountName("TEST", "OCSPSERV$")
    enroll = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL
    given = backend.templates.permit(OCSP, AccountName("test", "ocspserv"), add=enroll)
    assert rights(given, host) == enroll
    taken = backend.templates.permit(
        OCSP, host, add=TemplateRight.NONE, remove=TemplateRight.AUTOENROLL
    )
    assert rights(taken, host) == TemplateRight.READ | TemplateRight.ENROLL
    gone = backend.templates.permit(
        OCSP, host, add=TemplateRight.NONE, remove=TemplateRight.FULL_CONTROL
    )
    assert host not in {row.account for row in gone.permissions}
    with pytest.raises(NotFound):
        backend.templates.permit(OCSP, AccountName("TEST", "nobody"), add=enroll)
    for add, remove in ((enroll, enroll), (TemplateRight.NONE, TemplateRight.NONE)):
        with pytest.raises(InvalidInput):
            backend.templates.permit(OCSP, host, add=add, remove=remove)


def test_what_is_built_in_or_used_is_not_deleted(backend: Backend) -> None:
    with pytest.raises(Refused, match="built in"):
        backend.templates.delete("WebServer")
    copy = backend.templates.duplicate(DuplicateTemplate(source=OCSP, display_name="Ours"))
    with backend.database.write() as tx:
        authority = tx.authorities.add(replace(an_authority(), templates=("ours",)))
        tx.configurations.add(replace(a_configuration(authority.id, "Conf"), template="Ours"))
    with pytest.raises(InUse) as caught:
        backend.templates.delete("Ours")
    assert "CA Root CA" in caught.value.cause
    assert "configuration Conf" in caught.value.cause
    with backend.database.write() as tx:
        tx.authorities.update(replace(authority, templates=()))
        tx.configurations.remove(tx.configurations.all()[0].id)
    backend.templates.delete("ours")
    with pytest.raises(UnknownTemplate):
        backend.templates.get(copy.name)


def test_threads_do_not_lose_one_anothers_permissions(backend: Backend) -> None:
    accounts = [
        backend.principals.add(AccountName("TEST", f"user{n}"), PrincipalKind.USER).account
        for n in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda each: backend.templates.permit(OCSP, each, add=TemplateRight.ENROLL),
                accounts,
            )
        )
    permitted = {row.account for row in backend.templates.get(OCSP).permissions}
    assert permitted >= set(accounts)
