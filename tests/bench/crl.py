"""Assembling a CRL, against cryptography's builder, at two lengths that show how each grows."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from app.domain.keys import HashAlgorithm
from app.domain.requests import RevocationReason, RevokedEntry
from app.pki.crl import CrlTimes, build_crl
from tests.bench.authority import Authority, make_authority
from tests.bench.rounds import Benchmark, Contender, Tally, WrongAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

LONG, SHORT = 20_000, 5_000


def assembly(folder: Path, stack: ExitStack, quick: bool) -> Benchmark:  # noqa: ARG001
    """CRLs of 20,000 and of 5,000 entries, each signed with a P-256 key in memory."""
    authority = make_authority(folder, ec.generate_private_key(ec.SECP256R1()))
    now = datetime.now(UTC).replace(microsecond=0)
    times = CrlTimes(now, now + timedelta(days=8), now + timedelta(days=7))
    entries = [
        RevokedEntry((1 << 120) + number, now, RevocationReason.SUPERSEDED)
        for number in range(LONG)
    ]

    def ours(count: int) -> Callable[[float], Tally]:
        def build() -> bytes:
            issuer = authority.certificate.public_bytes(Encoding.DER)
            return build_crl(entries[:count], 1, times, issuer, authority.key, HashAlgorithm.SHA256)

        return _turn(build, count, authority, folder)

    def theirs(count: int) -> Callable[[float], Tally]:
        return _turn(
            lambda: _by_cryptography(entries[:count], times, authority), count, authority, folder
        )

    return Benchmark(
        name="crl",
        title="assembling and signing a CRL",
        unit="entries per second",
        seconds=0.3 if quick else 0.6,
        contenders=(
            Contender(f"cryptography's builder, {LONG:,} entries", theirs(LONG)),
            Contender(f"cryptography's builder, {SHORT:,} entries", theirs(SHORT)),
            Contender(f"build_crl, {LONG:,} entries", ours(LONG)),
            Contender(f"build_crl, {SHORT:,} entries", ours(SHORT)),
        ),
    )


def _turn(
    build: Callable[[], bytes], count: int, authority: Authority, folder: Path
) -> Callable[[float], Tally]:
    def turn(seconds: float) -> Tally:
        built = 0
        began = time.perf_counter()
        while not built or time.perf_counter() - began < seconds:
            der = build()
            built += 1
        took = time.perf_counter() - began
        _check(der, count, authority, folder)
        return Tally(built * count, took, 1)

    return turn


def _by_cryptography(entries: list[RevokedEntry], times: CrlTimes, authority: Authority) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(times.this_update)
        .next_update(times.next_update)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    reason = x509.CRLReason(x509.ReasonFlags.superseded)
    for entry in entries:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(entry.serial)
            .revocation_date(entry.effective)
            .add_extension(reason, critical=False)
            .build()
        )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _check(der: bytes, count: int, authority: Authority, folder: Path) -> None:
    crl = x509.load_der_x509_crl(der)
    if len(crl) != count or crl[count - 1].serial_number != (1 << 120) + count - 1:
        raise WrongAnswerError("the CRL lacks entries")
    reason = crl[0].extensions.get_extension_for_class(x509.CRLReason).value.reason
    if reason is not x509.ReasonFlags.superseded:
        raise WrongAnswerError("the CRL gives another reason")
    file = folder / "list.crl"
    file.write_bytes(der)
    done = subprocess.run(
        [
            *("openssl", "crl", "-inform", "DER", "-in", str(file), "-noout"),
            *("-CAfile", str(authority.file), "-verify"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "verify OK" not in done.stdout + done.stderr:
        raise WrongAnswerError(f"openssl does not believe the CRL: {done.stderr.strip()}")
