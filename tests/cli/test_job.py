"""The whole job by commands, on a real token, with a real responder."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.cli.conftest import Job, until
from tests.services.requests import KEY, make_request
from tests.softhsm import SoftHsm, softhsm

if TYPE_CHECKING:
    from tests.cli.harness import Cli

__all__ = ["softhsm"]


def test_what_each_command_of_the_job_printed(job: Job) -> None:
    printed = job.printed
    assert printed["library"]["vendor"] == "SoftHSM"
    assert printed["library"]["environment"] == ["SOFTHSM2_CONF"]
    assert [row["account"].partition("\\")[2] for row in printed["registrations"]] == [
        "ADMINISTRATOR",
        "SYSTEM",
    ]
    assert "RSA#SoftHSM Key Storage Provider" in [row["name"] for row in printed["providers"]]
    assert printed["ca"]["distinguished_name"].startswith("CN=Test-CA")
    assert printed["ca"]["token"] == "partition one"
    assert printed["ca"]["not_before"].endswith("Z")
    assert {row["url"] for row in printed["locations"]} >= {f"http://{job.address.authority}/ocsp"}
    assert (printed["template"]["validity"], printed["template"]["version"]) == ("4 hours", "100.1")
    assert printed["added"]["problem"] is None
    assert printed["good"]["disposition"] == "issued"
    assert printed["good"]["certificate"] == Path(printed["good"]["file"]).read_text()


def test_a_good_certificate_then_a_revoked_one_are_told_apart(job: Job) -> None:
    report = job.ask_until("good", "good.cer")
    assert all(check["passed"] for check in report["checks"])
    serial = job.cli.json("ca", "requests", "--search", "bad.test.example")[0]["serial_number"]
    job.ask_until("good", "bad.cer")
    row = job.cli.json("ca", "revoke", serial.upper(), "--reason", "KeyCompromise")
    assert (row["disposition"], row["revoked_reason"]) == ("revoked", "Key Compromise")
    report = job.ask_until("revoked", "bad.cer")
    assert report["reason"] == "Key Compromise"
    crl = job.cli.json("ca", "crl", "publish")
    assert crl["count"] >= 1
    job.cli.run("ca", "crl", "export", job.file("ca.crl"), "--binary")
    job.cli.run("ca", "export", job.file("ca.cer"))
    _openssl_agrees(job)


def _openssl_agrees(job: Job) -> None:
    """An independent client: openssl, with a nonce, against the same responder."""
    url = f"http://{job.address.authority}/ocsp"
    for name, word in (("good", "good"), ("bad", "revoked")):
        done = subprocess.run(
            [
                *("openssl", "ocsp", "-issuer", job.file("ca.cer"), "-CAfile", job.file("ca.cer")),
                *("-cert", job.file(f"{name}.cer"), "-url", url),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"{name}.cer: {word}" in done.stdout
        assert "Response verify OK" in done.stderr
    crl = x509.load_der_x509_crl(Path(job.file("ca.crl")).read_bytes())
    revoked = x509.load_pem_x509_certificate(Path(job.file("bad.cer")).read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(revoked.serial_number) is not None


def test_ocsp_ask_without_nonce_by_sha256_and_with_a_named_issuer(job: Job) -> None:
    job.ask_until("good", "good.cer")
    job.cli.run("ca", "export", job.file("issuer.cer"), "--force", "--binary")
    ended = job.cli.run(
        *("ocsp", "ask", job.file("good.cer"), "--no-nonce", "--hash", "sha256"),
        *("--issuer", job.file("issuer.cer"), "--url", f"http://{job.address.authority}/ocsp"),
    )
    assert "good" in ended.out
    assert ended.err == ""


def test_a_responder_that_does_not_know_the_issuer_leaves_the_status_undecided(job: Job) -> None:
    (job.folder / "stranger.cer").write_bytes(_stranger(job))
    ended = job.cli.run(
        *("ocsp", "ask", job.file("good.cer"), "--issuer", job.file("stranger.cer")), expect=3
    )
    assert ended.error == "Error: The responder gives no answer: unauthorized."


def _stranger(job: Job) -> bytes:
    """A CA certificate with the right name and a key of its own."""
    name = x509.load_pem_x509_certificate(Path(job.file("good.cer")).read_bytes()).issuer
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .public_key(KEY.public_key())
        .sign(KEY, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def test_status_is_working_link_by_link(job: Job) -> None:
    job.ask_until("good", "good.cer")
    (status,) = job.cli.json("responder", "status", "Test")
    assert (status["headline"], status["working"]) == ("Working", True)
    assert [link["name"] for link in status["links"]] == [
        "CA certificate",
        "Signing certificate",
        "HSM key",
        "Revocation data",
        "Endpoint",
    ]
    everything = job.cli.json("status")
    assert everything["configurations"][0]["headline"] == "Working"
    assert (everything["libraries"], everything["slots"]) == (1, 2)
    text = job.cli.run("status").out
    assert "Working" in text
    assert "Test-CA" in text


def test_a_responder_that_is_wanted_stopped_is_not_working_until_it_is_started(job: Job) -> None:
    job.ask_until("good", "good.cer")
    assert job.cli.json("service", "stop", "ocsp")["started"] is False
    ended = job.cli.run("status", expect=1)
    assert ended.error.startswith(
        "Error: Revocation configurations that do not work: 1 of 1. Test: "
    )
    text = job.cli.run("responder", "status", expect=1).out
    assert "Mend it: sealkeeper service start 'Online Responder'" in text
    assert job.cli.json("service", "start", "Online Responder")["started"] is True
    until(lambda: job.cli.run("status", expect=None).code == 0)


def test_a_pending_request_is_issued_by_its_number(job: Job) -> None:
    job.cli.json("template", "duplicate", "WebServer", "--display-name", "Web Approved")
    job.cli.json("template", "set", "WebApproved", "manager-approval=yes")
    job.cli.json("ca", "template", "add", "WebApproved")
    (job.folder / "pending.req").write_bytes(make_request("pending.test.example"))
    waiting = job.cli.json(
        *("certreq", "submit", "--template", "WebApproved", job.file("pending.req")),
        expect=3,
    )
    number = str(waiting["request_id"])
    assert (waiting["disposition"], waiting["certificate"]) == ("pending", None)
    ended = job.cli.run("certreq", "retrieve", number, job.file("pending.cer"), expect=3)
    assert f"RequestId: {number}" in ended.out
    assert not Path(job.file("pending.cer")).exists()
    assert job.cli.json("ca", "requests", "--state", "pending")[0]["request_id"] == int(number)
    assert job.cli.json("ca", "issue", number)["disposition"] == "issued"
    job.cli.json("certreq", "-RETRIEVE", "-binary", number, job.file("pending.cer"))
    x509.load_der_x509_certificate(Path(job.file("pending.cer")).read_bytes())
    second = job.cli.json(
        *("certreq", "submit", "--attrib", r"CertificateTemplate:WebApproved\nother:1"),
        job.file("pending.req"),
        expect=3,
    )
    denied = job.cli.json("ca", "deny", str(second["request_id"]))
    assert denied["disposition"] == "denied"
    line = job.cli.refused("certreq", "retrieve", str(second["request_id"]), job.file("no.cer"))
    assert "was denied" in line


def test_certreq_says_what_administrators_know(job: Job) -> None:
    (job.folder / "more.req").write_bytes(make_request("more.test.example"))
    ended = job.cli.run(
        *("certreq", "-submit", "-attrib", "CertificateTemplate:WebServer"),
        *(job.file("more.req"), job.file("more.cer")),
    )
    assert "Certificate Successfully Generated" in ended.out
    line = job.cli.refused(
        "certreq", "submit", "--template", "WebServer", job.file("more.req"), job.file("more.cer")
    )
    assert line.endswith("exists. Use --force to overwrite it.")


def test_hold_is_taken_back_and_other_reasons_are_not(job: Job) -> None:
    (job.folder / "hold.req").write_bytes(make_request("hold.test.example"))
    serial = job.cli.json(
        "certreq", "submit", "--template", "WebServer", job.file("hold.req"), job.file("hold.cer")
    )["serial_number"]
    later = "2030-01-01T00:00:00Z"
    held = job.cli.json(
        "ca", "revoke", serial, "--reason", "Certificate Hold", "--effective", later
    )
    assert (held["revoked_effective"], held["revoked_reason"]) == (later, "Certificate Hold")
    assert job.cli.json("ca", "unrevoke", serial)["disposition"] == "issued"
    job.cli.json("ca", "revoke", serial, "--reason", "4")
    assert "is not on hold" in job.cli.refused("ca", "unrevoke", serial)


def test_the_keys_are_in_the_token_and_a_used_one_is_kept(job: Job) -> None:
    keys = job.cli.json("key", "list")
    users = {key["used_by"] for key in keys}
    assert {"CA Test-CA", r"OCSPSvc\Test (current)"} <= users
    assert not any(key["extractable"] for key in keys)
    wrong = job.cli.refused("key", "delete", "--label", "Test-CA", "--confirm", "test-ca")
    assert "was not deleted" in wrong
    used = job.cli.refused("key", "delete", "--label", "Test-CA", "--confirm", "Test-CA")
    assert "CA Test-CA" in used


def test_a_signer_is_renewed_and_the_earlier_one_is_listed(job: Job) -> None:
    before = job.cli.json("responder", "show", "Test")
    fresh = job.cli.json("responder", "renew-signer", "Test")
    after = job.cli.json("responder", "show")
    assert after["signing_serial"] == fresh["serial_number"] != before["signing_serial"]
    assert len(after["signers"]) == len(before["signers"]) + 1
    assert fresh["token"] == "partition one"


def test_settings_of_a_configuration(job: Job) -> None:
    changed = job.cli.json(
        "responder", "set", "test", "nonce=no", "responder-id=name", "answer-validity=2 hours"
    )
    assert (changed["nonce"], changed["responder_id"]) == (False, "name")
    assert changed["answer_validity"] == "2 hours"
    back = job.cli.json(
        *("responder", "set", "Test", "nonce=yes", "responder-id=key-hash"),
        *("answer-validity=1 hour", "template=OCSP HSM", "provider="),
    )
    assert (back["nonce"], back["responder_id"], back["template"]) == (True, "key-hash", "OCSPHSM")
    job.cli.json("responder", "add", "Second", "--no-enroll", "--template", "OCSPHSM")
    assert len(job.cli.json("responder", "list")) == 2
    assert job.cli.json("responder", "remove", "Second")["signing_serial"] is None


def test_slots_tokens_and_libraries_are_listed_and_tested(job: Job) -> None:
    assert [row["token"] for row in job.cli.json("slot", "list")] == ["partition one"]
    assert len(job.cli.json("slot", "list", "--library", "softhsm", "--all")) == 2
    assert job.cli.json("library", "test")["tokens"] == ["partition one"]
    assert job.cli.json("library", "list")[0]["path"] == str(job.softhsm.library)
    names = [row["name"] for row in job.cli.json("token", "mechanisms")]
    assert "CKM_RSA_PKCS" in names
    tested = job.cli.json("slot", "test", "--user", "SYSTEM")
    assert (tested["signs"], tested["token"]) == (True, "partition one")


def test_a_token_is_initialised_registered_and_forgotten(cli: Cli, softhsm: SoftHsm) -> None:
    variable = f"SOFTHSM2_CONF={softhsm.conf}"
    cli.json("library", "register", str(softhsm.library), "--env", variable)
    slot = cli.json(
        *("token", "init", "--label", "two", "--password-stdin"),
        given="so-secret-2\nuser-secret-2\n",
    )
    assert (slot["token"], slot["initialised"]) == ("two", True)
    assert "Several tokens" not in cli.refused("key", "list", "--token", "two")
    arguments = ("--token", "two", "--user", "SYSTEM", "--domain", "NT_AUTHORITY")
    pin = "user-secret-2\n"
    (row,) = cli.json("slot", "register", *arguments, "--password-stdin", given=pin)
    assert row["account"] == r"NT AUTHORITY\SYSTEM"
    entered = cli.json("slot", "enter-pin", *arguments, "--password-stdin", given=pin)
    assert entered["id"] == row["id"]
    other = ("--token", "two", "--user", "ADMINISTRATOR")
    cli.json("slot", "register", *other, "--password-stdin", given=pin)
    several = cli.refused("slot", "unregister", "--token", "two")
    assert several.startswith("Error: Several registered slots are meant.")
    assert cli.json("slot", "unregister", *arguments)["id"] == row["id"]
    assert len(cli.json("slot", "registered")) == 1
    refused = cli.refused("library", "remove", "SoftHSM")
    assert "slot two of" in refused
    cli.json("slot", "unregister", *other)
    assert cli.json("library", "remove", "SoftHSM")["removed"] is True


def test_principals_are_added_and_removed(job: Job) -> None:
    added = job.cli.json("principal", "add", "OCSPCL", "--kind", "computer", "--description", "x")
    assert added["account"].endswith(r"\OCSPCL$")
    assert added["account"] in [row["account"] for row in job.cli.json("principal", "list")]
    job.cli.json("template", "permit", "OCSPHSM", "OCSPCL", "+read,write")
    shown = job.cli.json("template", "permit", "OCSPHSM", added["account"], "-write,read")
    assert added["account"] not in [row["account"] for row in shown["permissions"]]
    job.cli.json("principal", "add", "Operators", "--kind", "group")
    group = job.cli.json("principal", "member", "operators", "+OCSPCL", "+SYSTEM")
    assert group["members"] == [added["account"], "NT AUTHORITY\\SYSTEM"]
    emptied = job.cli.json("principal", "member", "operators", "-OCSPCL", "-SYSTEM")
    assert emptied["members"] == []
    job.cli.run("principal", "member", "operators", "OCSPCL", expect=2)
    assert job.cli.json("principal", "remove", "ocspcl")["account"] == added["account"]


def test_templates_locations_and_services_are_changed_and_changed_back(job: Job) -> None:
    job.cli.json("template", "duplicate", "User", "--display-name", "Spare", "--name", "Spare")
    assert job.cli.json("template", "show", "spare")["subject_type"] == "user"
    assert [
        r["name"] for r in job.cli.json("ca", "template", "add", "Spare") if r["name"] == "Spare"
    ]
    in_use = job.cli.refused("template", "delete", "Spare")
    assert "CA Test-CA" in in_use
    job.cli.json("ca", "template", "remove", "Spare")
    job.cli.json("template", "delete", "Spare")
    assert "Spare" not in [row["name"] for row in job.cli.json("template", "list")]
    url = "http://mirror.test.example/ca.crl"
    assert url in [row["url"] for row in job.cli.json("ca", "location", "add", "--cdp", url)]
    assert url not in [row["url"] for row in job.cli.json("ca", "location", "remove", url)]
    assert len(job.cli.json("ca", "location", "list")) == 3
    assert job.cli.json("ca", "set", "crl-period=3 days")["crl_period"] == "3 days"
    assert job.cli.json("ca", "set", "crl-period=1 week")["crl_period"] == "1 week"
    assert "there is crl-period" in job.cli.run("ca", "set", "name=X", expect=2).err
    stopped = job.cli.json("ca", "stop")
    assert stopped["started"] is False
    refused = job.cli.refused("certreq", "submit", "--template", "WebServer", job.file("good.req"))
    assert "Start it: sealkeeper ca start --ca Test-CA" in refused
    assert job.cli.json("ca", "start")["started"] is True
    services = job.cli.json("service", "list")
    assert [row["log_on_as"] for row in services] == [r"NT AUTHORITY\SYSTEM"] * 2
    assert job.cli.json("service", "set", "ca", "--log-on-as", "SYSTEM")["name"].startswith("Cert")


def test_lists_are_readable_and_events_tell_what_happened(job: Job) -> None:
    events = job.cli.json("event", "list", "--limit", "1000")
    assert any(event["number"] == 4887 for event in events)
    assert len(job.cli.json("event", "list", "--limit", "2")) == 2
    for arguments in (
        ("ca", "list"),
        ("ca", "show"),
        ("ca", "template", "list"),
        ("ca", "crl", "list"),
        ("ca", "requests", "--limit", "1"),
        ("responder", "show"),
        ("template", "show", "OCSPHSM"),
        ("event", "list"),
    ):
        text = job.cli.run(*arguments).out
        assert len(text.splitlines()) > 1
        assert all(line == line.rstrip() for line in text.splitlines())
        assert job.cli.run("--json", *arguments).out == job.cli.run(*arguments, "--json").out


def test_two_authorities_with_software_keys_one_of_which_loses_its_key(cli: Cli) -> None:
    provider = "ECDSA_P256#Software Key Storage Provider"
    first = cli.json("ca", "create", "--provider", provider, "--ocsp-location")
    assert first["name"].endswith("-CA")
    assert (first["key"], first["token"]) == ("ECDSA_P256", None)
    cli.json(
        *("ca", "create", "Second CA", "--provider", "Software Key Storage Provider"),
        *("--hash", "sha384", "--validity", "10 years", "--server-name", "pki.test.example:8080"),
    )
    assert "There are several" in cli.refused("ca", "show")
    shown = cli.json("ca", "--json", "show", "--ca", "second ca")
    assert (shown["key"], shown["hash_algorithm"]) == ("RSA 2048", "SHA384")
    assert shown["server_dns_name"] == "pki.test.example:8080"
    delete = ("key", "delete", "--software", "--label", "Second CA", "--confirm", "Second CA")
    assert "CA Second CA" in cli.refused(*delete)
    assert cli.json(*delete, "--even-if-used")["used_by"] == "CA Second CA"
    assert len(cli.json("key", "list", "--software")) == 1
    assert "Error: " in cli.run("ca", "crl", "publish", "--ca", "Second CA", expect=1).error
    assert cli.json("ca", "crl", "publish", "--ca", first["name"])["number"] == 2


def test_a_configuration_that_cannot_enroll_stays_and_says_why(cli: Cli) -> None:
    cli.json("ca", "create", "Solo", "--provider", "RSA#Software Key Storage Provider")
    added = cli.json("responder", "add", "Test", expect=1)
    assert added["problem"]
    ended = cli.run("responder", "status", expect=1)
    assert "Bad signing certificate on Array Controller" in ended.out
    assert "Mend it: sealkeeper ca template add OCSPResponseSigning --ca Solo" in ended.out
    assert ended.error.startswith("Error: Revocation configurations that do not work: 1 of 1.")
