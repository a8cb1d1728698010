"""Answers per second: the measure, and a small chart of the last minute."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.theme import Role, current_theme

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_SHOWN = 60.0
_SMOOTH_SECONDS = 2.0
_HEIGHT = 64
_LEAST_PEAK = 4.0
_FEWEST = 2


class RateMeter:
    """Turns a counter that is read now and then into a rate; a counter that fell began anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()
        self.points: deque[tuple[float, float]] = deque()

    def add(self, count: int) -> float:
        """Take a reading; returns the rate over the last two seconds."""
        now = self._clock()
        if self._samples and count < self._samples[-1][1]:
            self._samples.clear()
            self.points.clear()
        self._samples.append((now, count))
        while len(self._samples) > _FEWEST and self._samples[1][0] <= now - _SMOOTH_SECONDS:
            self._samples.popleft()
        first_at, first = self._samples[0]
        passed = now - first_at
        rate = (count - first) / passed if passed > 0 else 0.0
        self.points.append((now, rate))
        while self.points and self.points[0][0] < now - SECONDS_SHOWN:
            self.points.popleft()
        return rate


def rate_text(rate: float) -> str:
    """`0`, `0.5`, `12`, `1 400`: short enough for a big figure."""
    if 0 < rate < 10:  # noqa: PLR2004 - digits
        return f"{rate:.1f}".removesuffix(".0")
    return f"{round(rate):,}".replace(",", "\u202f")


class RateChart(QWidget):
    """Paints the meter's points as an area over the last minute."""

    def __init__(self, meter: RateMeter, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._meter = meter
        self.setObjectName(name)
        self.setAccessibleName(self.tr("Answers per second in the last minute"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(240, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        points = list(self._meter.points)
        peak = max((rate for _, rate in points), default=0.0)
        caption = theme.font(theme.type.caption)
        painter.setFont(caption)
        painter.setPen(theme.color(Role.MUTED))
        top = QRectF(0, 0, self.width(), 16)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(top, left, self.tr("last minute"))
        painter.drawText(top, right, self.tr("peak {rate}/s").format(rate=rate_text(peak)))
        self._paint_area(painter, points, max(peak, _LEAST_PEAK))
        painter.end()

    def _paint_area(
        self, painter: QPainter, points: list[tuple[float, float]], scale: float
    ) -> None:
        theme = current_theme()
        bottom, room = self.height() - 1.5, self.height() - 24.0
        painter.setPen(QPen(theme.color(Role.LINE), 1))
        painter.drawLine(QPointF(0, bottom), QPointF(self.width(), bottom))
        if len(points) < _FEWEST:
            return
        now = points[-1][0]
        line = QPainterPath()
        places = [
            QPointF(self.width() * (1 - (now - at) / SECONDS_SHOWN), bottom - room * rate / scale)
            for at, rate in points
        ]
        line.moveTo(places[0])
        for place in places[1:]:
            line.lineTo(place)
        area = QPainterPath(line)
        area.lineTo(places[-1].x(), bottom)
        area.lineTo(places[0].x(), bottom)
        area.closeSubpath()
        painter.fillPath(area, theme.color(Role.ACCENT_SOFT))
        painter.setPen(QPen(theme.color(Role.ACCENT), 1.5))
        painter.drawPath(line)
