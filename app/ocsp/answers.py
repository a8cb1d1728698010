"""Answers as they leave the responder, and what it is configured with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.http import http_date
from app.domain.responder import ResponseSigner, RevocationConfiguration


@dataclass(frozen=True, slots=True)
class ConfiguredAuthority:
    """A revocation configuration with what signs for it.

    `signer` is None when no signing certificate can be used now; `problem` then says why, in one
    sentence, else it is "".
    """

    configuration: RevocationConfiguration
    signer: ResponseSigner | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ResponderSettings:
    """Bounds of one responder; times in seconds.

    Attributes:
        cache_entries: ready answers that are kept.
        alias_entries: request encodings that are recognised without being parsed.
        in_flight: answers in the making at once; above, clients are told tryLater.
        requests_per_message: certificates that one message may ask about.
        refresh_wait: how long a client waits for a fresh answer while its cached one is past half
            of its life but still valid.
        answer_timeout: how long a client waits where there is no cached answer.
        retry_after: after a failed refresh, how long the cached answer is served without a retry.
    """

    cache_entries: int = 10_000
    alias_entries: int = 10_000
    in_flight: int = 64
    requests_per_message: int = 50
    refresh_wait: float = 0.25
    answer_timeout: float = 20.0
    retry_after: float = 15.0


@dataclass(frozen=True, slots=True)
class Freshness:
    """What HTTP caches are told of a signed answer (RFC 9919, before it RFC 5019 §6.2)."""

    this_update: datetime
    next_update: datetime
    etag: bytes
    last_modified: bytes
    expires: bytes
    expires_at: float

    @classmethod
    def of(cls, der: bytes, this_update: datetime, next_update: datetime) -> Freshness:
        """The headers' values for one DER response."""
        return cls(
            this_update,
            next_update,
            b'"' + hashlib.sha256(der).hexdigest()[:40].encode("ascii") + b'"',
            http_date(this_update),
            http_date(next_update),
            next_update.timestamp(),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """One OCSP response in DER; `freshness` is None where no cache may keep it (errors, nonces)."""

    der: bytes
    freshness: Freshness | None = field(default=None)
