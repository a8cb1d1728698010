"""The quick start as a user runs it, and its result before independent judges."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests.e2e.running import gnutls_status, openssl_status, printed, sealkeeper, serving, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {
    *("home", "ca_certificate", "issuer_certificate", "signing_certificate"),
    *("good_certificate", "good_key", "revoked_certificate", "revoked_key", "ocsp_url", "crl"),
    *("library", "token", "pin_file", "softhsm2_conf", "verified"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quickstart") / "home"


@pytest.fixture(scope="module")
def facts(home: Path) -> Iterator[dict[str, Any]]:
    """The quick start's result while it serves."""
    with serving(home, "quickstart", "--port", "0", "--keep-serving") as (result, _):
        yield result


def test_prints_one_object_with_all_keys(facts: dict[str, Any]) -> None:
    assert set(facts) == KEYS
    assert facts["verified"] is True
    files = KEYS - {"home", "ocsp_url", "library", "token", "verified"}
    assert all(Path(facts[key]).is_file() for key in files)
    assert facts["library"]


@pytest.mark.parametrize("nonce", [True, False])
def test_openssl_agrees(facts: dict[str, Any], nonce: bool) -> None:
    assert openssl_status(facts, facts["good_certificate"], nonce=nonce) == "good"
    assert openssl_status(facts, facts["revoked_certificate"], nonce=nonce) == "revoked"


def test_gnutls_agrees(facts: dict[str, Any]) -> None:
    assert gnutls_status(facts, facts["good_certificate"]) == "good"
    assert gnutls_status(facts, facts["revoked_certificate"]) == "revoked"


def test_openssl_agrees_with_the_crl(facts: dict[str, Any], tmp_path: Path) -> None:
    crl = tmp_path / "crl.pem"
    tool("openssl", "crl", "-inform", "DER", "-in", facts["crl"], "-out", str(crl))
    verify = ("openssl", "verify", "-crl_check", "-CAfile", facts["ca_certificate"])
    good = tool(*verify, "-CRLfile", str(crl), facts["good_certificate"])
    revoked = tool(*verify, "-CRLfile", str(crl), facts["revoked_certificate"])
    assert f"{facts['good_certificate']}: OK" in good
    assert "certificate revoked" in revoked


def test_the_leaves_name_the_responder_and_a_crl_that_can_be_fetched(
    facts: dict[str, Any],
) -> None:
    leaf = x509.load_pem_x509_certificate(Path(facts["good_certificate"]).read_bytes())
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    named = {entry.access_method: entry.access_location.value for entry in access}
    assert named[AuthorityInformationAccessOID.OCSP] == facts["ocsp_url"]
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = points[0].full_name
    assert names is not None
    with urllib.request.urlopen(names[0].value, timeout=5) as answer:  # noqa: S310 - ours
        assert x509.load_der_x509_crl(answer.read()).is_signature_valid(
            x509.load_pem_x509_certificate(Path(facts["ca_certificate"]).read_bytes()).public_key()  # type: ignore[arg-type]  # an RSA key
        )
    issuer = named[AuthorityInformationAccessOID.CA_ISSUERS]
    with urllib.request.urlopen(issuer, timeout=5) as answer:  # noqa: S310 - ours
        assert x509.load_der_x509_certificate(answer.read()).subject == leaf.issuer


def test_the_private_keys_are_in_the_token_and_never_extractable(facts: dict[str, Any]) -> None:
    listed = tool(
        *("pkcs11-tool", "--module", facts["library"], "--token-label", facts["token"]),
        *("--login", "--pin", Path(facts["pin_file"]).read_text(), "--list-objects"),
        environment={"SOFTHSM2_CONF": facts["softhsm2_conf"]},
    )
    private = listed.split("Private Key Object")
    assert len(private) == 3, listed
    assert all("never extractable" in block for block in private[1:]), listed
    assert listed.count("Public Key Object") == 2


def test_a_second_run_reuses_what_is_there(facts: dict[str, Any], home: Path) -> None:
    again = sealkeeper(home, "--json", "quickstart", "--port", "0")
    assert json.loads(again.stdout) == facts
    assert "already" in again.stderr
    assert len(printed(home, "ca", "list")) == 1


def test_another_port_is_refused_because_it_stands_in_the_certificates(
    facts: dict[str, Any], home: Path
) -> None:
    refused = sealkeeper(home, "quickstart", "--port", "1", expect=1)
    assert refused.stderr.count("\n") == 1
    assert facts["ocsp_url"].rpartition(":")[2].partition("/")[0] in refused.stderr
