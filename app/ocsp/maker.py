"""Makes one signed answer: reads the statuses, encodes them and has them signed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.ocsp.answers import Answer, Freshness
from app.pki.ocsp_response import SingleAnswer, assemble, response_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from datetime import datetime

    from app.domain.clock import Clock
    from app.domain.ids import AuthorityId
    from app.domain.responder import ResponseSigner, RevocationSource, StatusAnswer
    from app.ocsp.registry import Installed
    from app.pki.ocsp_request import CertId


class CannotAnswerError(Exception):
    """No answer can be signed now; its text is one sentence for administrators."""


@dataclass(frozen=True, slots=True)
class Made:
    """A signed answer, and the number of the last change that its status has surely seen."""

    answer: Answer
    position: int


class AnswerMaker:
    """Makes answers, so many at once at most; used on the responder's loop."""

    def __init__(
        self, source: RevocationSource, clock: Clock, executor: Executor, in_flight: int
    ) -> None:
        self._source = source
        self._clock = clock
        self._executor = executor
        self._limit = in_flight
        self._in_flight = 0
        self.signed = 0

    async def make(
        self, installed: Installed, cert_ids: Sequence[CertId], nonce: bytes | None
    ) -> Made:
        """Sign an answer about these certificates of that configuration's CA.

        Raises:
            CannotAnswerError: no usable signing certificate, or too much work at once.
            SealkeeperError: the key or the source says no.
        """
        if self._in_flight >= self._limit:
            raise CannotAnswerError(f"More than {self._limit} answers were to be signed at once.")
        self._in_flight += 1
        try:
            made, next_update = await self._make(installed, cert_ids, nonce)
            if next_update <= self._clock.now():  # signed too slowly, or due to change right now
                made, next_update = await self._make(installed, cert_ids, nonce)
            if next_update <= self._clock.now():
                raise CannotAnswerError("Signing took longer than the answer would be valid.")
            return made
        finally:
            self._in_flight -= 1

    async def _make(
        self, installed: Installed, cert_ids: Sequence[CertId], nonce: bytes | None
    ) -> tuple[Made, datetime]:
        """The answer, and its nextUpdate."""
        now = self._clock.now().replace(microsecond=0)
        signer, not_after = _usable_signer(installed, now)
        position, statuses = await asyncio.get_running_loop().run_in_executor(
            self._executor,
            self._read,
            installed.configuration.authority_id,
            [cert_id.serial for cert_id in cert_ids],
            now,
        )
        # No answer outlives its signer's certificate or the status that it tells.
        changes = (status.changes_at for status in statuses if status.changes_at is not None)
        validity = installed.configuration.answer_validity.length
        next_update = min(now + validity, not_after, *changes)
        singles = tuple(
            SingleAnswer(cert_id, status, now, next_update)
            for cert_id, status in zip(cert_ids, statuses, strict=True)
        )
        tbs = response_data(singles, installed.responder_id, now, nonce)
        signature = await signer.sign(tbs)
        der = assemble(tbs, signature, *signer.padding_and_hash, signer.certificate)
        self.signed += 1
        freshness = Freshness.of(der, now, next_update) if nonce is None else None
        return Made(Answer(der, freshness), position), next_update

    def _read(
        self, authority_id: AuthorityId, serials: Sequence[int], at: datetime
    ) -> tuple[int, list[StatusAnswer]]:
        # The position first: a change between the two makes the status newer than it says.
        position = self._source.position()
        return position, [self._source.status(authority_id, serial, at) for serial in serials]


def _usable_signer(installed: Installed, now: datetime) -> tuple[ResponseSigner, datetime]:
    """The signer and the end of its certificate, provided that it may sign now."""
    name = installed.configuration.name
    if installed.signer is None or installed.not_before is None or installed.not_after is None:
        raise CannotAnswerError(installed.problem or f"“{name}” has no usable signing certificate.")
    # A second of the answer's life is the least that can be told.
    if installed.not_after - now < timedelta(seconds=1):
        raise CannotAnswerError(f"The signing certificate of “{name}” has expired.")
    if now < installed.not_before:
        raise CannotAnswerError(f"The signing certificate of “{name}” is not valid yet.")
    return installed.signer, installed.not_after
