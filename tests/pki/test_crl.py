"""CRLs, judged by openssl, and their times."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from app.domain.authorities import CrlSettings
from app.domain.errors import InvalidInput, KeyStorageError, Refused
from app.domain.keys import HashAlgorithm
from app.domain.periods import Period, PeriodUnit
from app.domain.requests import RevocationReason, RevokedEntry
from app.pki import microsoft
from app.pki.crl import CrlTimes, build_crl, crl_times
from app.pki.parts import certificate_parts, load_certificate
from app.pki.pem import CRL, to_pem
from tests.pki import material
from tests.pki.material import KINDS, NOW

if TYPE_CHECKING:
    from pathlib import Path

_EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
_TIMES = CrlTimes(NOW - timedelta(minutes=10), NOW + timedelta(days=8), NOW + timedelta(days=7))


def _crl(
    authority: material.Ca, *entries: RevokedEntry, number: int = 1, pss: bool = False
) -> bytes:
    return build_crl(
        entries, number, _TIMES, authority.certificate, authority.key, HashAlgorithm.SHA256, pss=pss
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pss", [False, True])
def test_openssl_agrees_with_the_crl(tmp_path: Path, kind: str, *, pss: bool) -> None:
    authority = material.ca(kind, pss=pss)
    holder = material.key("P-256", "holder")
    good = material.issue(authority, material.template(), holder, name="good", pss=pss)
    bad = material.issue(authority, material.template(), holder, name="bad", pss=pss)
    serial = certificate_parts(bad).serial
    crl = _crl(authority, RevokedEntry(serial, NOW, RevocationReason.KEY_COMPROMISE), pss=pss)
    crl_file = tmp_path / "ca.crl"
    crl_file.write_bytes(to_pem(CRL, crl))
    root = material.write_pem(tmp_path, "root.pem", authority.certificate)
    text = material.openssl("crl", "-in", crl_file, "-CAfile", root, "-noout", "-text")
    assert "verify OK" in text
    assert f"{serial:X}" in text
    check = ("verify", "-x509_strict", "-crl_check", "-CRLfile", crl_file, "-CAfile", root)
    material.openssl(*check, material.write_pem(tmp_path, "good.pem", good))
    refusal = material.openssl(*check, material.write_pem(tmp_path, "bad.pem", bad), succeeds=False)
    assert "certificate revoked" in refusal


def test_entries_and_extensions_are_those_given() -> None:
    authority = material.ca("RSA")
    entries = tuple(
        RevokedEntry(material.serial(str(reason)), NOW - timedelta(days=reason), reason)
        for reason in RevocationReason
    )
    loaded = x509.load_der_x509_crl(_crl(authority, *entries, number=300))
    assert loaded.issuer == load_certificate(authority.certificate).subject
    assert (loaded.last_update_utc, loaded.next_update_utc) == (
        _TIMES.this_update,
        _TIMES.next_update,
    )
    for entry, found in zip(entries, loaded, strict=True):
        assert (found.serial_number, found.revocation_date_utc) == (entry.serial, entry.effective)
        reasons = [item.value.reason for item in found.extensions]
        # Unspecified is not written.
        assert len(reasons) == (entry.reason is not RevocationReason.UNSPECIFIED)
    number = loaded.extensions.get_extension_for_class(x509.CRLNumber).value
    assert number.crl_number == 300
    by_key = loaded.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert by_key.key_identifier == certificate_parts(authority.certificate).key_identifier
    other = {
        item.oid.dotted_string: item.value.public_bytes()
        for item in loaded.extensions
        if isinstance(item.value, x509.UnrecognizedExtension)
    }
    assert other == {
        microsoft.OID_CA_VERSION: b"\x02\x01\x00",
        microsoft.OID_NEXT_PUBLISH: microsoft.encode_next_publish(_TIMES.next_publish),
    }


def test_an_empty_crl_has_no_list() -> None:
    authority = material.ca()
    loaded = x509.load_der_x509_crl(_crl(authority))
    assert len(loaded) == 0
    assert loaded.is_signature_valid(authority.key.public_key())


def test_a_hundred_thousand_entries_take_seconds() -> None:
    authority = material.ca()
    entries = (
        RevokedEntry(material.serial("many") + index, NOW, RevocationReason.SUPERSEDED)
        for index in range(100_000)
    )
    started = time.perf_counter()
    crl = build_crl(entries, 1, _TIMES, authority.certificate, authority.key, HashAlgorithm.SHA256)
    # The builder of `cryptography` needs over half a minute for these; usual here is 1 s.
    assert time.perf_counter() - started < 15
    assert len(x509.load_der_x509_crl(crl)) == 100_000


def test_a_crl_signed_by_another_key_never_leaves() -> None:
    authority = material.ca("P-256")
    for wrong in (material.key("P-256", "other"), material.key("RSA", "other")):
        with pytest.raises(KeyStorageError, match="wrong"):
            _crl(material.Ca(authority.certificate, wrong))


def test_sha_1_is_refused() -> None:
    authority = material.ca("RSA")
    with pytest.raises(InvalidInput, match="SHA-1"):
        build_crl((), 1, _TIMES, authority.certificate, authority.key, HashAlgorithm.SHA1)


@pytest.mark.parametrize(
    ("settings", "overlap"),
    [
        # A tenth of a week is 16.8 h, so 12 h.
        (CrlSettings(), timedelta(hours=12)),
        (CrlSettings(period=Period(1, PeriodUnit.DAYS)), timedelta(hours=2, minutes=24)),
        # A tenth of an hour is 6 min, less than one and a half times the skew.
        (CrlSettings(period=Period(1, PeriodUnit.HOURS)), timedelta(minutes=15)),
        # Never longer than the period.
        (CrlSettings(period=Period(10, PeriodUnit.MINUTES)), timedelta(minutes=10)),
        (CrlSettings(overlap=Period(2, PeriodUnit.DAYS)), timedelta(days=2)),
        (CrlSettings(clock_skew=timedelta(0)), timedelta(hours=12)),
    ],
)
def test_times_follow_the_rules_of_ad_cs(settings: CrlSettings, overlap: timedelta) -> None:
    times = crl_times(NOW, settings, *_EVER)
    assert times.this_update == NOW - settings.clock_skew
    assert times.next_publish == NOW + settings.period.length
    assert times.next_update == NOW + settings.period.length + overlap + settings.clock_skew


def test_times_stay_within_the_life_of_the_ca() -> None:
    end = NOW + timedelta(days=1)
    times = crl_times(NOW + timedelta(microseconds=5), CrlSettings(), NOW, end)
    assert times == CrlTimes(NOW, end, end)
    with pytest.raises(Refused, match="expired"):
        crl_times(end, CrlSettings(), NOW, end)
