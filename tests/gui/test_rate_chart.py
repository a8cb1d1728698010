"""The measure of answers per second, and its chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.domain.status import ResponderCounters
from app.gui.panels.online_responder.activity import cache_text
from app.gui.widgets.rate_chart import SECONDS_SHOWN, RateChart, RateMeter, rate_text

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


class Clock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_follows_the_counter_and_begins_anew_with_it() -> None:
    clock = Clock()
    meter = RateMeter(clock)
    assert meter.add(1000) == 0
    for step in range(1, 9):
        clock.now += 0.5
        rate = meter.add(1000 + 50 * step)
    assert rate == pytest.approx(100)
    clock.now += 0.5
    assert meter.add(10) == 0, "the responder was restarted"
    clock.now += 0.5
    assert meter.add(20) == pytest.approx(20)


def test_only_the_last_minute_is_kept(qtbot: QtBot) -> None:
    clock = Clock()
    meter = RateMeter(clock)
    for count in range(300):
        clock.now += 0.5
        meter.add(count)
    assert meter.points[0][0] >= clock.now - SECONDS_SHOWN
    assert len(meter.points) <= 2 * SECONDS_SHOWN + 1
    chart = RateChart(meter, "chart")
    qtbot.addWidget(chart)
    chart.resize(300, 64)
    assert not chart.grab().isNull()


@pytest.mark.parametrize(
    ("rate", "text"), [(0, "0"), (0.5, "0.5"), (2.0, "2"), (12.4, "12"), (1400, "1\u202f400")]
)
def test_figures_are_short(rate: float, text: str) -> None:
    assert rate_text(rate) == text


def test_the_share_of_the_cache_is_of_what_was_answered() -> None:
    assert cache_text(ResponderCounters(None, "", 0, 0, 0, 0, "")) == "\N{EN DASH}"
    assert cache_text(ResponderCounters(None, "", 10, 3, 1, 6, "")) == "75.0 %"
