from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.errors import InvalidInput
from app.domain.events import EventLevel

if TYPE_CHECKING:
    from app.services.backend import Backend


def test_an_event_names_the_current_account_unless_another_is_given(backend: Backend) -> None:
    own = backend.events.record(EventLevel.WARNING, "Tests", 17, "Something happened.", "x")
    other = backend.events.record(EventLevel.ERROR, "Tests", 0, "More.", account="A\\b")
    assert own.account == str(backend.directory.current_account())
    assert (own.level, own.number, own.subject) == (EventLevel.WARNING, 17, "x")
    assert other.account == "A\\b"
    assert backend.events.page(2) == (other, own)


def test_pages_follow_one_another(backend: Backend) -> None:
    made = [backend.events.record(EventLevel.INFORMATION, "T", 0, str(n)) for n in range(5)]
    first = backend.events.page(2)
    second = backend.events.page(2, before=first[-1].id)
    assert [event.message for event in (*first, *second)] == ["4", "3", "2", "1"]
    assert second[-1] == made[1]


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_a_sensible_length(backend: Backend, limit: int) -> None:
    with pytest.raises(InvalidInput):
        backend.events.page(limit)
