"""Records to store: examples, and strategies that make any."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from hypothesis import strategies as st

from app.domain.authorities import Authority, AuthorityType, Crl, CrlSettings, SetupType
from app.domain.ids import AuthorityId, ConfigurationId, CrlId, SignerId
from app.domain.keys import HashAlgorithm, KeyAlgorithm, KeyLocator, TokenIdentity
from app.domain.periods import Period, PeriodUnit
from app.domain.principals import AccountName
from app.domain.requests import CertificateSide, NameColumns, RequestSide, serial_text
from app.domain.responder import (
    RevocationConfiguration,
    SignerState,
    SigningCertificate,
    SigningFlag,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADMIN = AccountName("LOCAL", "Administrator")
TOKEN = TokenIdentity("0123456789abcdef", "ocsp")
KEY = KeyLocator(
    "/usr/lib/softhsm/libsofthsm2.so",
    TOKEN,
    b"\x30\x00",
    "aa" * 32,
    "01",
    "ca",
    KeyAlgorithm.RSA,
    2048,
)

if TYPE_CHECKING:
    from collections.abc import Callable

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(
    timedelta, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))
)
st.register_type_strategy(
    Period, st.builds(Period, st.integers(1, 1000), st.sampled_from(PeriodUnit))
)
st.register_type_strategy(
    AccountName,
    st.builds(AccountName, st.text().filter(lambda text: "\\" not in text), st.text()),
)
small = st.integers(0, 2**31)


@dataclass
class SetClock:
    """A clock that stands still until it is set."""

    moment: datetime = field(default=NOW)

    def now(self) -> datetime:
        return self.moment


def an_authority(name: str = "Root CA") -> Authority:
    return Authority(
        id=AuthorityId(0),
        name=name,
        setup_type=SetupType.ENTERPRISE,
        authority_type=AuthorityType.ROOT,
        distinguished_name=f"CN={name}",
        certificate=b"\x30\x03ca",
        key=KEY,
        provider="RSA#SoftHSM Key Storage Provider",
        hash_algorithm=HashAlgorithm.SHA256,
        server_dns_name="localhost",
        locations=(),
        crl=CrlSettings(),
        templates=("OCSPResponseSigning",),
        permissions=(),
        maximum_validity=Period(2, PeriodUnit.YEARS),
        started=True,
        created_at=NOW,
    )


def a_request(authority_id: AuthorityId, common_name: str = "www") -> RequestSide:
    return RequestSide(
        authority_id=authority_id,
        raw_request=b"\x30\x01r",
        attributes=(("CertificateTemplate", "WebServer"), ("CertificateTemplate", "again")),
        template="WebServer",
        requester_name="LOCAL\\root",
        caller_name="LOCAL\\root",
        submitted_when=NOW,
        name=NameColumns(f"CN={common_name}", common_name),
    )


def a_certificate(serial: int, common_name: str = "www") -> CertificateSide:
    return CertificateSide(
        raw_certificate=b"\x30\x01c" + serial_text(serial).encode(),
        serial_number=serial_text(serial),
        certificate_hash=uuid4().hex,
        certificate_template="WebServer",
        not_before=NOW,
        not_after=NOW + timedelta(days=730),
        subject_key_identifier="cc" * 20,
        public_key_sha256="dd" * 32,
        public_key_algorithm="RSA",
        public_key_length=2048,
        name=NameColumns(f"CN={common_name}", common_name),
    )


def a_crl(authority_id: AuthorityId, number: int, key_index: int = 0) -> Crl:
    return Crl(
        id=CrlId(0),
        authority_id=authority_id,
        key_index=key_index,
        number=number,
        count=3,
        this_update=NOW,
        next_update=NOW + 2 * HOUR,
        next_publish=NOW + HOUR,
        raw=b"\x30\x02" + bytes([number]),
        publish_results=(("file:///crl", "published"),),
    )


def a_configuration(authority_id: AuthorityId, name: str = "Root") -> RevocationConfiguration:
    return RevocationConfiguration(
        id=ConfigurationId(0),
        name=name,
        authority_id=authority_id,
        ca_certificate=b"\x30\x03ca",
        signing_flags=SigningFlag.ALLOW_NONCE | SigningFlag.AUTO_ENROLL,
        template="OCSPResponseSigning",
    )


def a_signer(configuration_id: ConfigurationId, state: SignerState) -> SigningCertificate:
    return SigningCertificate(
        id=SignerId(0),
        configuration_id=configuration_id,
        certificate=b"\x30\x01s",
        key=KEY,
        state=state,
        enrolled_at=NOW,
        not_before=NOW,
        not_after=NOW + timedelta(days=14),
    )


def wait_until(done: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll until it is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)
