"""Ready answers by certificate, and the rule that keeps an outdated one from entering."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from app.ocsp.answers import Answer

if TYPE_CHECKING:
    from app.domain.ids import AuthorityId, ConfigurationId


class Certificate(NamedTuple):
    """One certificate of one CA of ours."""

    authority_id: AuthorityId
    serial: int


class CacheKey(NamedTuple):
    """A configuration and the exact bytes of a CertID, which the answer repeats."""

    configuration_id: ConfigurationId
    cert_id: bytes


@dataclass(slots=True)
class CachedAnswer:
    """A ready answer; times as seconds since the epoch.

    `refresh_at` is half of its life, or later when a refresh has just failed.
    """

    answer: Answer
    certificate: Certificate
    this_update: float
    refresh_at: float
    next_update: float


class AnswerCache:
    """Bounded; forgets what was not used for longest. Used on one loop only."""

    def __init__(self, entries: int) -> None:
        self._limit = entries
        self._answers: OrderedDict[CacheKey, CachedAnswer] = OrderedDict()
        self._keys: dict[Certificate, set[CacheKey]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: CacheKey, now: float) -> CachedAnswer | None:
        """The answer for that key, unless its nextUpdate has come or the clock was set back."""
        cached = self._answers.get(key)
        if cached is None:
            return None
        if not cached.this_update <= now < cached.next_update:
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return cached

    def put(self, key: CacheKey, cached: CachedAnswer) -> None:
        """Keep an answer in place of an earlier one."""
        self._drop(key)
        self._answers[key] = cached
        self._keys.setdefault(cached.certificate, set()).add(key)
        if len(self._answers) > self._limit:
            self._drop(next(iter(self._answers)))

    def drop_certificate(self, certificate: Certificate) -> None:
        """Forget every answer about one certificate."""
        for key in tuple(self._keys.get(certificate, ())):
            self._drop(key)

    def drop_authority(self, authority_id: AuthorityId) -> None:
        """Forget every answer about the certificates of one CA."""
        for certificate in [c for c in self._keys if c.authority_id == authority_id]:
            self.drop_certificate(certificate)

    def drop_configuration(self, configuration_id: ConfigurationId) -> None:
        """Forget every answer that one configuration gave."""
        for key in [k for k in self._answers if k.configuration_id == configuration_id]:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._keys.clear()

    def _drop(self, key: CacheKey) -> None:
        cached = self._answers.pop(key, None)
        if cached is None:
            return
        keys = self._keys[cached.certificate]
        keys.discard(key)
        if not keys:
            del self._keys[cached.certificate]


class ChangeLedger:
    """Remembers the last change to each certificate, against outdated answers.

    A status that was read before a change is not cached after it. Bounded: what is forgotten
    raises a floor, below which every certificate counts as changed.
    """

    def __init__(self, entries: int = 10_000) -> None:
        self._limit = entries
        self._last: OrderedDict[Certificate, int] = OrderedDict()
        self._floor = 0

    def record(self, certificate: Certificate, number: int) -> None:
        """A change of that number touched this certificate."""
        self._last[certificate] = max(number, self._last.pop(certificate, 0))
        if len(self._last) > self._limit:
            _, forgotten = self._last.popitem(last=False)
            self._floor = max(self._floor, forgotten)

    def record_all(self, number: int) -> None:
        """A change of that number may have touched any certificate."""
        self._floor = max(self._floor, number)

    def changed_since(self, certificate: Certificate, position: int) -> bool:
        """Whether a status that has seen all changes up to `position` may be outdated."""
        return max(self._floor, self._last.get(certificate, 0)) > position
