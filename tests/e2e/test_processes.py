"""Several processes on one home: the service host, the command line, and tools of others."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.running import (
    gnutls_status,
    openssl_status,
    printed,
    sealkeeper,
    serving,
    tool,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = "OCSPResponseSigning"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A home that the quick start has filled."""
    home = tmp_path_factory.mktemp("made") / "home"
    result: dict[str, Any] = printed(home, "quickstart", "--port", "0")
    return result


@pytest.fixture
def facts(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same, while `serve` runs in another process."""
    with serving(Path(made["home"]), "serve"):
        assert wait_until(lambda: answers(made), 10)
        yield made


def answers(facts: dict[str, Any]) -> bool:
    question = ("openssl", "ocsp", "-issuer", facts["issuer_certificate"], "-cert")
    output = tool(
        *question,
        facts["good_certificate"],
        *("-url", facts["ocsp_url"], "-CAfile", facts["ca_certificate"]),
    )
    return "Response verify OK" in output


def request(folder: Path, name: str, *kind: str) -> Path:
    """A PKCS#10 as openssl makes it."""
    path = folder / f"{name}.csr"
    tool(
        *("openssl", "req", "-new", "-nodes", "-subj", f"/CN={name}.test"),
        *(kind or ("-newkey", "rsa:2048")),
        *("-keyout", str(folder / f"{name}.key"), "-out", str(path)),
    )
    return path


def test_a_revocation_by_the_command_line_is_answered_by_the_other_process(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    home = Path(facts["home"])
    certificate = str(tmp_path / "leaf.pem")
    first = ("--ca", printed(home, "ca", "list")[0]["name"])
    done = sealkeeper(
        *(home, "certreq", "submit", *first, "--attrib", "CertificateTemplate:WebServer"),
        *(str(request(tmp_path, "leaf")), certificate),
    )
    assert "Certificate Successfully Generated" in done.stdout
    # Cached first, so that the change has something to drop.
    assert openssl_status(facts, certificate, nonce=False) == "good"
    (row,) = printed(home, "ca", "requests", *first, "--search", "leaf.test")
    sealkeeper(home, "ca", "revoke", *first, row["serial_number"], "--reason", "key-compromise")
    assert wait_until(lambda: openssl_status(facts, certificate, nonce=False) == "revoked", 1.0)
    assert openssl_status(facts, certificate) == "revoked"


def test_a_p256_authority_is_believed_by_both_clients(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    home = Path(facts["home"])
    sealkeeper(
        *(home, "ca", "create", "Elliptic CA", "--provider"),
        *("ECDSA_P256#SoftHSM Key Storage Provider", "--ocsp-location"),
    )
    ca = ("--ca", "Elliptic CA")
    sealkeeper(home, "ca", "template", "add", TEMPLATE, "WebServer", *ca)
    sealkeeper(home, "responder", "add", "Elliptic", *ca)
    issuer, leaf = str(tmp_path / "ca.pem"), str(tmp_path / "leaf.pem")
    sealkeeper(home, "ca", "export", issuer, *ca)
    sealkeeper(
        *(home, "certreq", "submit", *ca, "--attrib", "CertificateTemplate:WebServer"),
        *(str(request(tmp_path, "elliptic")), leaf),
    )
    elliptic = {**facts, "issuer_certificate": issuer, "ca_certificate": issuer}
    assert wait_until(lambda: answers({**elliptic, "good_certificate": leaf}), 5)
    assert openssl_status(elliptic, leaf) == "good"
    assert openssl_status(elliptic, leaf, nonce=False) == "good"
    assert gnutls_status(elliptic, leaf) == "good"
    row = printed(home, "ca", "requests", *ca, "--search", "elliptic.test")[0]
    sealkeeper(home, "ca", "revoke", row["serial_number"], *ca)
    assert wait_until(lambda: openssl_status(elliptic, leaf, nonce=False) == "revoked", 1.0)
    assert openssl_status(elliptic, leaf) == "revoked"
    assert gnutls_status(elliptic, leaf) == "revoked"
    verify = ("openssl", "verify", "-crl_check", "-CAfile", issuer, "-CRLfile")
    before, after = str(tmp_path / "before.pem"), str(tmp_path / "after.pem")
    for crl in (before, after):
        sealkeeper(home, "ca", "crl", "export", crl, *ca)
        sealkeeper(home, "ca", "crl", "publish", *ca)
    assert f"{leaf}: OK" in tool(*verify, before, leaf)
    assert "certificate revoked" in tool(*verify, after, leaf)


def test_the_status_turns_red_when_the_responders_key_is_deleted_from_the_token(
    facts: dict[str, Any],
) -> None:
    home = Path(facts["home"])
    label = printed(home, "responder", "show", "Test")["signers"][0]["key_label"]
    for kind in ("privkey", "pubkey"):
        tool(
            *("pkcs11-tool", "--module", facts["library"], "--token-label", facts["token"]),
            *("--login", "--pin", Path(facts["pin_file"]).read_text()),
            *("--delete-object", "--type", kind, "--label", label),
            environment={"SOFTHSM2_CONF": facts["softhsm2_conf"]},
        )
    done = sealkeeper(home, "--json", "responder", "status", "Test", expect=1)
    assert "Bad signing certificate on Array Controller" in done.stdout
    assert "renew-signer" in done.stdout
    sealkeeper(home, "responder", "renew-signer", "Test")
    assert wait_until(lambda: answers(facts), 5)
    sealkeeper(home, "responder", "status", "Test")


def test_a_port_in_use_is_one_sentence(made: dict[str, Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = sealkeeper(Path(made["home"]), "serve", "--port", port, expect=1)
    assert done.stderr.count("\n") == 1
    assert port in done.stderr


def test_serving_survives_clients_that_say_nothing(facts: dict[str, Any]) -> None:
    host, _, port = facts["ocsp_url"].removeprefix("http://").removesuffix("/ocsp").partition(":")

    def knock() -> None:
        with socket.create_connection((host, int(port)), timeout=5):
            pass

    threads = [threading.Thread(target=knock) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert openssl_status(facts, facts["good_certificate"]) == "good"
