"""Certificates, judged by openssl and read back by cryptography."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from app.domain.errors import InvalidInput, KeyStorageError
from app.domain.keys import HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.templates import KeyUsage, SubjectType
from app.pki import microsoft
from app.pki.certificates import (
    RootRequest,
    build_certificate,
    build_root,
    certificate_side,
    describe_certificate,
)
from app.pki.names import parse_distinguished_name
from app.pki.parts import load_certificate
from app.pki.profile import build_profile
from app.pki.requests import parse_request
from tests.pki import material
from tests.pki.material import KINDS, NOW

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pss", [False, True])
def test_openssl_accepts_what_every_kind_of_ca_issues(
    tmp_path: Path, kind: str, *, pss: bool
) -> None:
    authority = material.ca(kind, pss=pss)
    holder = material.key("P-256", "holder")
    leaf = material.issue(authority, material.template(), holder, pss=pss)
    root_file = material.write_pem(tmp_path, "root.pem", authority.certificate)
    leaf_file = material.write_pem(tmp_path, "leaf.pem", leaf)
    material.openssl("verify", "-x509_strict", "-CAfile", root_file, root_file)
    material.openssl(
        *("verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver"),
        *("-CAfile", root_file, leaf_file),
    )


def test_a_root_has_the_extensions_of_a_ca() -> None:
    authority = material.ca("RSA")
    root = load_certificate(authority.certificate)
    by_oid = {item.oid.dotted_string: item for item in root.extensions}
    assert root.subject == root.issuer
    constraints = by_oid["2.5.29.19"]
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=None)
    usage = by_oid["2.5.29.15"]
    assert usage.critical
    assert isinstance(usage.value, x509.KeyUsage)
    assert (usage.value.key_cert_sign, usage.value.crl_sign) == (True, True)
    assert usage.value.digital_signature
    expected = x509.SubjectKeyIdentifier.from_public_key(authority.key.public_key())
    assert by_oid["2.5.29.14"].value == expected
    assert by_oid[microsoft.OID_CA_VERSION].value.public_bytes() == b"\x02\x01\x00"


def test_a_root_begins_before_now_and_lasts_its_validity() -> None:
    request = RootRequest(
        subject=parse_distinguished_name("CN=R"),
        validity=Period(10, PeriodUnit.DAYS),
        now=NOW + timedelta(microseconds=7),
        serial=77,
        ca_version=2,
        path_length=0,
    )
    root = load_certificate(build_root(request, material.key("P-384"), HashAlgorithm.SHA384))
    assert root.not_valid_before_utc == NOW - timedelta(minutes=10)
    assert root.not_valid_after_utc == NOW + timedelta(days=10)
    assert root.serial_number == 77
    version = root.extensions.get_extension_for_oid(x509.ObjectIdentifier(microsoft.OID_CA_VERSION))
    assert version.value.public_bytes() == b"\x02\x01\x02"


def test_a_leaf_has_what_its_profile_says() -> None:
    authority = material.ca("P-384")
    holder = material.key("RSA", "holder")
    template = material.template(
        algorithm=KeyAlgorithm.RSA,
        key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT}),
    )
    leaf = load_certificate(material.issue(authority, template, holder))
    extensions = leaf.extensions
    points = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for point in points for name in point.full_name or ()] == [
        "http://ca.example/CertEnroll/Root.crl"
    ]
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [(item.access_method._name, item.access_location.value) for item in access] == [
        ("caIssuers", "http://ca.example/CertEnroll/Root.crt"),
        ("OCSP", "http://ca.example/ocsp"),
    ]
    issued_by = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    ca_key = x509.SubjectKeyIdentifier.from_public_key(authority.key.public_key())
    assert issued_by.key_identifier == ca_key.digest
    information = extensions.get_extension_for_class(x509.MSCertificateTemplate).value
    assert information == x509.MSCertificateTemplate(
        x509.ObjectIdentifier(template.oid), template.major_version, template.minor_version
    )
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_encipherment
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.BasicConstraints)


def test_a_version_1_template_is_told_by_name() -> None:
    template = material.template(schema_version=1, name="WebServer")
    leaf = material.issue(material.ca(), template, material.key("P-256", "holder"))
    extension = load_certificate(leaf).extensions.get_extension_for_oid(
        x509.ObjectIdentifier(microsoft.OID_TEMPLATE_NAME)
    )
    assert extension.value.public_bytes() == b"\x1e\x12" + "WebServer".encode("utf-16-be")
    assert describe_certificate(leaf).template == "WebServer"


def test_an_ocsp_signing_certificate_has_nocheck_and_no_place_to_ask() -> None:
    leaf = material.issue(
        material.ca(), material.ocsp_template(), material.key("P-256", "responder")
    )
    extensions = load_certificate(leaf).extensions
    assert not extensions.get_extension_for_class(x509.OCSPNoCheck).critical
    present = {item.oid.dotted_string for item in extensions}
    assert not present & {"2.5.29.31", "1.3.6.1.5.5.7.1.1"}


def test_an_alternative_name_is_critical_without_a_subject() -> None:
    san = x509.SubjectAlternativeName([x509.DNSName("www.example.com")])
    holder = material.key("P-256", "holder")
    authority = material.ca()
    for subject, critical in (("", True), ("CN=a", False)):
        parsed = parse_request(material.request(holder, subject, (san,)))
        profile = build_profile(material.template(), parsed, None, authority.facts(), NOW)
        leaf = build_certificate(
            profile,
            9,
            authority.certificate,
            parsed.public_key,
            authority.key,
            HashAlgorithm.SHA256,
        )
        found = load_certificate(leaf).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert (found.critical, found.value) == (critical, san)


def test_a_subordinate_ca_can_issue(tmp_path: Path) -> None:
    usage = frozenset({KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})
    template = material.template(
        subject_type=SubjectType.CA, application_policies=(), key_usage=usage, path_length=0
    )
    root = material.ca("RSA")
    subordinate_key = material.key("P-256", "subordinate")
    subordinate = material.Ca(
        material.issue(root, template, subordinate_key, name="Sub"), subordinate_key
    )
    leaf = material.issue(subordinate, material.template(), material.key("P-256", "holder"))
    material.openssl(
        *("verify", "-x509_strict"),
        *("-CAfile", material.write_pem(tmp_path, "root.pem", root.certificate)),
        *("-untrusted", material.write_pem(tmp_path, "sub.pem", subordinate.certificate)),
        material.write_pem(tmp_path, "leaf.pem", leaf),
    )


def test_a_signature_by_another_key_never_leaves() -> None:
    for kind in ("RSA", "P-256"):
        authority = material.ca(kind)
        for wrong in (material.key(kind, "other"), material.key("P-384", "other")):
            with pytest.raises(KeyStorageError, match="wrong"):
                material.issue(
                    material.Ca(authority.certificate, wrong),
                    material.template(),
                    material.key("P-256", "holder"),
                )


def test_sha_1_is_refused() -> None:
    request = RootRequest(
        subject=parse_distinguished_name("CN=R"),
        validity=Period(10, PeriodUnit.DAYS),
        now=NOW,
        serial=77,
    )
    with pytest.raises(InvalidInput, match="SHA-1"):
        build_root(request, material.key("RSA"), HashAlgorithm.SHA1)


def test_the_columns_of_a_row_come_from_the_certificate() -> None:
    holder = material.key("P-384", "holder")
    template = material.template(algorithm=KeyAlgorithm.ECDSA_P384)
    leaf = material.issue(material.ca(), template, holder, name="columns")
    loaded = load_certificate(leaf)
    side = certificate_side(leaf, "WebServer")
    assert side.serial_number == f"{loaded.serial_number:032x}"
    assert side.certificate_hash == hashlib.sha1(leaf, usedforsecurity=False).hexdigest()
    assert side.certificate_template == "WebServer"
    assert (side.not_before, side.not_after) == (
        loaded.not_valid_before_utc,
        loaded.not_valid_after_utc,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(holder.public_key())
    assert side.subject_key_identifier == identifier.digest.hex()
    assert (side.public_key_algorithm, side.public_key_length) == ("ECDSA_P384", 384)
    assert side.name.common_name == "columns.example.com"
    assert side.raw_certificate == leaf


def test_a_description_has_names_for_what_we_issue() -> None:
    template = material.template()
    leaf = material.issue(material.ca(), template, material.key("P-256", "holder"))
    facts = describe_certificate(leaf, {template.oid: "Web Server"})
    assert facts.template == "Web Server"
    assert facts.public_key == "ECDSA P-256"
    assert facts.signature_algorithm == "sha256ECDSA"
    assert facts.issuer == "CN=Root,O=Example,C=DE"
    assert not facts.is_ca
    assert facts.sha256 == hashlib.sha256(leaf).hexdigest()
    texts = {item.name: item.text for item in facts.extensions}
    assert texts["Enhanced Key Usage"] == "Server Authentication (1.3.6.1.5.5.7.3.1)"
    assert texts["CRL Distribution Points"] == "URL: http://ca.example/CertEnroll/Root.crl"
    assert "version 100.4" in texts["Certificate Template Information"]
    assert not [item for item in facts.extensions if item.name == item.oid]


def test_a_description_of_a_root() -> None:
    facts = describe_certificate(material.ca("RSA").certificate)
    assert facts.is_ca
    assert facts.public_key == "RSA 2048"
    texts = {item.name: item.text for item in facts.extensions}
    assert texts["Basic Constraints"] == "Certification authority\nPath length: no limit"
    assert texts["CA Version"] == "V0.0"
    assert texts["Key Usage"].splitlines() == [
        "Digital Signature",
        "Certificate Signing",
        "CRL Signing",
    ]


def test_what_openssl_makes_can_be_described(tmp_path: Path) -> None:
    out = tmp_path / "c.der"
    material.openssl(
        *("req", "-x509", "-nodes", "-newkey", "ed25519", "-keyout", tmp_path / "k.pem"),
        *("-subj", "/CN=x", "-outform", "DER", "-out", out),
        *("-addext", "subjectAltName=DNS:a,email:a@b.c,URI:http://a/,IP:192.0.2.1,dirName:d"),
        *("-addext", "certificatePolicies=1.2.3.4", "-addext", "1.2.3.4=ASN1:UTF8String:x"),
        *("-config", _openssl_config(tmp_path)),
    )
    facts = describe_certificate(out.read_bytes())
    texts = {item.name: item.text for item in facts.extensions}
    assert facts.public_key == "Ed25519"
    assert texts["Subject Alternative Name"].splitlines() == [
        "DNS name: a",
        "E-mail: a@b.c",
        "URL: http://a/",
        "IP address: 192.0.2.1",
        "Directory name: CN=inner",
    ]
    assert texts["Certificate Policies"] == "1.2.3.4"
    assert texts["1.2.3.4"] == "0c 01 78"


def _openssl_config(folder: Path) -> Path:
    path = folder / "openssl.cnf"
    path.write_text("[req]\ndistinguished_name=n\n[n]\n[d]\nCN=inner\n")
    return path


def test_what_is_no_certificate_is_refused() -> None:
    for data in (b"", b"\x30\x00", b"garbage", material.ca().certificate + b"\x00"):
        with pytest.raises(InvalidInput, match="not a certificate"):
            describe_certificate(data)
        with pytest.raises(InvalidInput, match="not a certificate"):
            certificate_side(data, "")
