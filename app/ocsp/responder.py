"""The online responder: finds the configuration, answers from the cache, or has an answer signed.

What a client is told when there is no answer (RFC 6960 §2.3):

* `malformedRequest`: the bytes are no OCSP request, ask about too many certificates, or hold a
  critical extension that is not understood.
* `unauthorized`: no configuration is for that issuer, or one message asks about several.
* `tryLater`: everything that passes or that an administrator mends: no usable signing
  certificate, a key that cannot sign, too much work at once, or the start not completed. The
  status exists and will be told, which is what tryLater says and internalError does not.
* `internalError`: a fault of the program itself.

A configuration's answers are signed with its own key or not at all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.domain.errors import SealkeeperError
from app.domain.events import Entity
from app.domain.ids import AuthorityId
from app.domain.responder import SigningFlag
from app.domain.status import ResponderCounters
from app.ocsp.answers import Answer, ResponderSettings
from app.ocsp.cache import AnswerCache, CachedAnswer, CacheKey, Certificate, ChangeLedger
from app.ocsp.maker import AnswerMaker, CannotAnswerError
from app.ocsp.registry import Registry
from app.pki.ocsp_request import MalformedRequest, parse_ocsp_request
from app.pki.ocsp_response import OcspErrorStatus, error_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable
    from concurrent.futures import Executor
    from datetime import datetime

    from app.domain.clock import Clock
    from app.domain.events import Change
    from app.domain.ids import ConfigurationId
    from app.domain.responder import RevocationSource
    from app.ocsp.answers import ConfiguredAuthority
    from app.ocsp.maker import Made
    from app.ocsp.registry import Installed
    from app.pki.ocsp_request import CertId

_LOG_EVERY = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Flight:
    """An answer in the making that all who ask for it share."""

    task: asyncio.Task[Answer]
    certificate: Certificate


class OnlineResponder:
    """Answers OCSP requests. Lives on one event loop; only `counters` is for any thread.

    Args:
        source: tells statuses; asked in the executor.
        clock: the time.
        executor: threads for the source.
        settings: bounds.
    """

    def __init__(
        self,
        source: RevocationSource,
        clock: Clock,
        executor: Executor,
        settings: ResponderSettings | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings or ResponderSettings()
        self._maker = AnswerMaker(source, clock, executor, self._settings.in_flight)
        self._registry = Registry()
        self._cache = AnswerCache(self._settings.cache_entries)
        self._ledger = ChangeLedger()
        self._aliases: dict[bytes, tuple[Installed, CertId]] = {}
        self._flights: dict[CacheKey, _Flight] = {}
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._last_change: int | None = None
        self._loaded = False
        self._address = ""
        self._started_at: datetime | None = None
        self._requests = self._hits = self._refused = 0
        self._last_error = ""
        self._logged_at = 0.0

    # --- configuration -----------------------------------------------------------------------

    def set_configuration(self, configured: ConfiguredAuthority) -> None:
        """Install or replace a configuration.

        Its cached answers go when its settings or its signing certificate change; they stay, until
        their nextUpdate, when only the ability to sign is lost or regained.

        Raises:
            InvalidInput: a certificate cannot be read.
        """
        if self._registry.install(configured):
            self._forget(configured.configuration.id)
        self._aliases.clear()

    def remove_configuration(self, configuration_id: ConfigurationId) -> None:
        """Stop answering for it."""
        if self._registry.remove(configuration_id):
            self._forget(configuration_id)
            self._aliases.clear()

    def _forget(self, configuration_id: ConfigurationId) -> None:
        self._cache.drop_configuration(configuration_id)
        for key in [k for k in self._flights if k.configuration_id == configuration_id]:
            del self._flights[key]

    def configurations(self) -> frozenset[ConfigurationId]:
        """Ids of what is installed."""
        return self._registry.ids()

    def mark_loaded(self) -> None:
        """All configurations are installed; until then an unknown issuer is told tryLater."""
        self._loaded = True

    def opened(self, address: str, at: datetime) -> None:
        """The responder is being served there since then."""
        self._address, self._started_at = address, at

    def closed(self) -> None:
        """The responder is no longer served."""
        self._started_at = None

    # --- changes -----------------------------------------------------------------------------

    def apply_changes(self, changes: Iterable[Change]) -> None:
        """Forget the answers that changes outdate; later requests do not join work begun before.

        Numbers have no gaps, so that a gap means missed changes, and everything is forgotten.
        """
        for change in changes:
            last = self._last_change
            if last is not None and change.number > last + 1:
                log.warning("changes were missed", last=last, next=change.number)
                self._forget_everything(change.number)
            self._last_change = max(change.number, last or 0)
            self._apply(change)

    def _apply(self, change: Change) -> None:
        if change.entity is Entity.REQUEST:
            authority, colon, serial = change.key.partition(":")
            if not colon:
                return  # a row without a certificate, or a change that leaves its status
            certificate = Certificate(AuthorityId(int(authority)), int(serial, 16))
            self._ledger.record(certificate, change.number)
            self._cache.drop_certificate(certificate)
            for key in [k for k, f in self._flights.items() if f.certificate == certificate]:
                del self._flights[key]
        elif change.entity is Entity.AUTHORITY:
            self._ledger.record_all(change.number)
            self._flights.clear()
            if change.key.isdigit():
                self._cache.drop_authority(AuthorityId(int(change.key)))
            else:
                self._cache.clear()

    def _forget_everything(self, number: int) -> None:
        self._ledger.record_all(number)
        self._flights.clear()
        self._cache.clear()

    # --- answering ---------------------------------------------------------------------------

    async def answer(self, der: bytes) -> Answer:
        """Answer one request in DER; never raises for what a client sent."""
        answer = self.respond(der)
        return answer if isinstance(answer, Answer) else await answer

    def respond(self, der: bytes) -> Answer | Awaitable[Answer]:
        """Like `answer`, but at once where a ready answer is cached or there is none to make."""
        self._requests += 1
        if (alias := self._aliases.get(der)) is not None:
            return self._single(*alias)
        try:
            request = parse_ocsp_request(der, self._settings.requests_per_message)
        except MalformedRequest:
            return self._refuse(OcspErrorStatus.MALFORMED_REQUEST)
        if request.unsupported_critical:  # RFC 6960 §4.1.2: only others are ignored
            return self._refuse(OcspErrorStatus.MALFORMED_REQUEST)
        installed = self._registry.find(request.cert_ids)
        if installed is None:
            loaded = OcspErrorStatus.UNAUTHORIZED if self._loaded else OcspErrorStatus.TRY_LATER
            return self._refuse(loaded)
        nonce = request.nonce if installed.allows(SigningFlag.ALLOW_NONCE) else None
        if nonce is not None or len(request.cert_ids) > 1:
            return self._uncached(self._maker.make(installed, request.cert_ids, nonce))
        if request.nonce is None:
            self._remember(der, installed, request.cert_ids[0])
        return self._single(installed, request.cert_ids[0])

    def _remember(self, der: bytes, installed: Installed, cert_id: CertId) -> None:
        """Recognise these bytes from now on without parsing them."""
        if len(self._aliases) >= self._settings.alias_entries:
            del self._aliases[next(iter(self._aliases))]
        self._aliases[der] = (installed, cert_id)

    def _single(self, installed: Installed, cert_id: CertId) -> Answer | Awaitable[Answer]:
        key = CacheKey(installed.id, cert_id.der)
        now = self._clock.now().timestamp()
        cached = self._cache.get(key, now)
        if cached is not None and now < cached.refresh_at:
            self._hits += 1
            return cached.answer
        return self._renewed(key, installed, cert_id, cached)

    async def _renewed(
        self, key: CacheKey, installed: Installed, cert_id: CertId, cached: CachedAnswer | None
    ) -> Answer:
        """A fresh answer, shared with all who ask meanwhile; else the cached one while valid."""
        limit = self._settings.answer_timeout if cached is None else self._settings.refresh_wait
        flight = self._flights.get(key) or self._launch(key, installed, cert_id)
        outcome = await self._outcome(flight.task, limit)
        if isinstance(outcome, Answer):
            return outcome
        now = self._clock.now().timestamp()
        # Looked up again: a change may have outdated it while this waited.
        still = self._cache.get(key, now)
        if still is None:
            return self._refuse(*outcome)
        still.refresh_at = max(still.refresh_at, now + self._settings.retry_after)
        self._note(*outcome)
        self._hits += 1
        return still.answer

    async def _uncached(self, making: Coroutine[None, None, Made]) -> Answer:
        task = self._start(_answer_of(making))
        outcome = await self._outcome(task, self._settings.answer_timeout)
        return outcome if isinstance(outcome, Answer) else self._refuse(*outcome)

    def _launch(self, key: CacheKey, installed: Installed, cert_id: CertId) -> _Flight:
        certificate = Certificate(installed.configuration.authority_id, cert_id.serial)
        task = self._start(self._fly(key, installed, cert_id, certificate))
        flight = self._flights[key] = _Flight(task, certificate)
        task.add_done_callback(lambda _: self._landed(key, flight))
        return flight

    async def _fly(
        self, key: CacheKey, installed: Installed, cert_id: CertId, certificate: Certificate
    ) -> Answer:
        made = await self._maker.make(installed, (cert_id,), None)
        fresh = made.answer.freshness
        outdated = self._ledger.changed_since(certificate, made.position)
        if fresh is not None and not outdated and self._registry.current(installed):
            start, end = fresh.this_update.timestamp(), fresh.expires_at
            self._cache.put(
                key, CachedAnswer(made.answer, certificate, start, start + (end - start) / 2, end)
            )
        return made.answer

    def _landed(self, key: CacheKey, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _start(self, making: Coroutine[None, None, Answer]) -> asyncio.Task[Answer]:
        """Run it as a task of its own: a client that leaves does not end it for the others."""
        task = asyncio.get_running_loop().create_task(making)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at here, since every client may have left

    async def _outcome(
        self, task: asyncio.Task[Answer], limit: float
    ) -> Answer | tuple[OcspErrorStatus, str]:
        """The answer, or what to tell the client and the administrator instead."""
        done, _ = await asyncio.wait({task}, timeout=limit)
        if not done:
            return OcspErrorStatus.TRY_LATER, "The key storage did not sign in time."
        try:
            return task.result()
        except CannotAnswerError as error:
            return OcspErrorStatus.TRY_LATER, str(error)
        except SealkeeperError as error:
            return OcspErrorStatus.TRY_LATER, error.message
        except Exception:  # the task's edge: a fault in one answer must not end the others
            log.exception("an answer could not be made")
            return OcspErrorStatus.INTERNAL_ERROR, "A fault kept an answer back: see the log."

    def _refuse(self, status: OcspErrorStatus, problem: str = "") -> Answer:
        self._refused += 1
        if problem:
            self._note(status, problem)
        return Answer(error_response(status))

    def _note(self, status: OcspErrorStatus, problem: str) -> None:
        """Keep the last problem for the counters; log one each ten seconds at the most."""
        self._last_error = problem
        now = self._clock.now().timestamp()
        if now - self._logged_at >= _LOG_EVERY:
            self._logged_at = now
            log.warning(
                "no fresh answer", status=status.name, problem=problem, refused=self._refused
            )

    # --- state -------------------------------------------------------------------------------

    def counters(self) -> ResponderCounters:
        """What has been done since the start; for any thread, and cheap."""
        return ResponderCounters(
            started_at=self._started_at,
            address=self._address,
            requests=self._requests,
            answered_from_cache=self._hits,
            signed=self._maker.signed,
            refused=self._refused,
            last_error=self._last_error,
        )

    async def close(self) -> None:
        """Give up the answers in the making."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answer_of(making: Coroutine[None, None, Made]) -> Answer:
    return (await making).answer
