"""How busy the responder is: counters read twice a second, figures and a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.formats import count_text
from app.gui.theme import Space
from app.gui.widgets.basics import label
from app.gui.widgets.rate_chart import RateChart, RateMeter, rate_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.status import ResponderCounters

POLL_MS = 500
_PERCENT = 100


def cache_text(counters: ResponderCounters) -> str:
    """The share of answers that came from the cache; a dash while there is none."""
    answered = counters.answered_from_cache + counters.signed
    if not answered:
        return "\N{EN DASH}"
    return f"{_PERCENT * counters.answered_from_cache / answered:.1f} %"


class Figure(QWidget):
    """A big figure over its name."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._words = words
        self.value = label("\N{EN DASH}", "title")
        self.value.setObjectName(f"{name}_value")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.value)
        column.addWidget(label(words, "small"))

    def show_value(self, text: str) -> None:
        """Show another figure."""
        if text != self.value.text():
            self.value.setText(text)
            self.setAccessibleName(f"{self._words}: {text}")


class Activity(QWidget):
    """Figures and chart; polls while `start`ed, on the main thread, since reading is cheap."""

    def __init__(self, counters: Callable[[], ResponderCounters], name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._counters = counters
        self._meter = RateMeter()
        self.rate = Figure(f"{name}_rate", self.tr("answers/s"))
        self.cache = Figure(f"{name}_cache", self.tr("from cache"))
        self.total = Figure(f"{name}_total", self.tr("requests"))
        self.refused = Figure(f"{name}_refused", self.tr("refused"))
        self.chart = RateChart(self._meter, f"{name}_chart")
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.poll)
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        for figure in (self.rate, self.cache, self.total, self.refused):
            row.addWidget(figure, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addLayout(row)
        column.addWidget(self.chart)

    def start(self) -> None:
        """Poll from now on."""
        self._timer.start()
        self.poll()

    def stop(self) -> None:
        """Poll no more."""
        self._timer.stop()

    def poll(self) -> None:
        """Read the counters once."""
        counters = self._counters()
        self.rate.show_value(rate_text(self._meter.add(counters.requests)))
        self.cache.show_value(cache_text(counters))
        self.total.show_value(count_text(counters.requests))
        self.refused.show_value(count_text(counters.refused))
        self.chart.update()
