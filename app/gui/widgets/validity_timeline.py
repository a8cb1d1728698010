"""Bars of validity around the present: what has passed, what is left, when it is renewed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.domain.status import LinkState
from app.gui.formats import local_time, span
from app.gui.theme import Role, current_theme, state_roles

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 32
_BAR = 12
_TOP = 10
_AXIS = 26
_LABEL = 168
_LEFT_TEXT = 118
_WIDE = 640
_NARROW = 440
_LINEAR_UP_TO = 14.0
_TICK_WIDTH = 74
_MINUS = "\N{MINUS SIGN}"
_STEPS = (
    timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6),
    timedelta(days=1), timedelta(days=7), timedelta(days=30), timedelta(days=365),
    timedelta(days=3650),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValidityRow:
    """One bar; times are aware, `renew_at` None where nothing renews it."""

    label: str
    not_before: datetime
    not_after: datetime
    renew_at: datetime | None = None
    state: LinkState = LinkState.OK


class TimeScale:
    """Maps seconds from now to 0…1: linear where the spans are alike, else logarithmic both ways.

    With a CA of years and a delta CRL of hours a linear axis would hide the short ones.
    """

    def __init__(self, rows: Sequence[ValidityRow], now: datetime) -> None:
        past = [max(1.0, (now - row.not_before).total_seconds()) for row in rows] or [1.0]
        left = [max(1.0, (row.not_after - now).total_seconds()) for row in rows] or [1.0]
        spans = [(row.not_after - row.not_before).total_seconds() for row in rows] or [1.0]
        self._past, self._left = max(past), max(left)
        self.linear = max(spans) / max(1.0, min(spans)) <= _LINEAR_UP_TO
        self._unit = max(30.0, min(spans) / 14)
        whole = self._stretch(self._past) + self._stretch(self._left)
        self.now = min(0.85, max(0.15, self._stretch(self._past) / whole))

    def _stretch(self, seconds: float) -> float:
        return seconds if self.linear else math.log1p(seconds / self._unit)

    def at(self, seconds: float) -> float:
        """Where a moment lies: 0 is the left edge, 1 the right one."""
        if seconds < 0:
            part = self._stretch(min(-seconds, self._past)) / self._stretch(self._past)
            return self.now * (1 - part)
        part = self._stretch(min(seconds, self._left)) / self._stretch(self._left)
        return self.now + (1 - self.now) * part

    def ticks(self, apart: float) -> list[float]:
        """Moments worth a mark, as seconds from now, at least `apart` (of the width) apart."""
        steps = [step.total_seconds() for step in _STEPS]
        wanted = [-s for s in steps if s <= self._past] + [s for s in steps if s <= self._left]
        if self.linear:
            wanted = [-self._past, -self._past / 2, self._left / 2, self._left]
        chosen: list[float] = []
        for seconds in sorted(wanted, key=abs, reverse=True):
            place = self.at(seconds)
            near = [self.now, *(self.at(other) for other in chosen)]
            if all(abs(place - other) > apart for other in near):
                chosen.append(seconds)
        return sorted(chosen)


class ValidityTimeline(QWidget):
    """Paints the rows; hovering a bar tells its times. The accessible description says all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("validity_timeline")
        self.setAccessibleName(self.tr("Validity and renewal"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._rows: tuple[ValidityRow, ...] = ()
        self._now = datetime.now().astimezone()
        self._scale = TimeScale((), self._now)

    def set_rows(self, rows: Sequence[ValidityRow], now: datetime) -> None:
        """Show the rows as they stand at `now`."""
        self._rows, self._now = tuple(rows), now
        self._scale = TimeScale(self._rows, now)
        self.setAccessibleDescription("; ".join(self._tell(row) for row in self._rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(640, _TOP + len(self._rows) * _ROW + _AXIS)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, self.sizeHint().height())

    def _tell(self, row: ValidityRow) -> str:
        text = self.tr("{label}: valid from {start} to {end}").format(
            label=row.label, start=local_time(row.not_before), end=local_time(row.not_after)
        )
        if row.renew_at is not None:
            text += self.tr(", renewed at {moment}").format(moment=local_time(row.renew_at))
        return text

    def _left_text(self, row: ValidityRow) -> str:
        if row.not_after <= self._now:
            passed = span(self._now - row.not_after)
            return self.tr("ended {passed} ago").format(passed=passed)
        return self.tr("{left} left").format(left=span(row.not_after - self._now))

    def _x(self, moment: datetime) -> float:
        part = self._scale.at((moment - self._now).total_seconds())
        return self._label_width() + part * self._bar_room()

    def _label_width(self) -> int:
        return _LABEL if self.width() >= _WIDE else _LABEL - 36

    def _left_width(self) -> int:
        """The words at the right go where there is no room; the tooltip still tells."""
        return _LEFT_TEXT if self.width() >= _NARROW else 8

    def _bar_room(self) -> float:
        return float(self.width() - self._label_width() - self._left_width())

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = (event.pos().y() - _TOP) // _ROW
            if 0 <= index < len(self._rows):
                QToolTip.showText(event.globalPos(), self._tell(self._rows[index]), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter)
        for index, row in enumerate(self._rows):
            self._paint_row(painter, row, _TOP + index * _ROW)
        self._paint_now(painter)
        painter.end()

    def _paint_axis(self, painter: QPainter) -> None:
        theme = current_theme()
        font = theme.font(theme.type.caption)
        painter.setFont(font)
        bottom = _TOP + len(self._rows) * _ROW
        for seconds in self._scale.ticks(_TICK_WIDTH / max(1.0, self._bar_room())):
            moment = self._now + timedelta(seconds=seconds)
            x = self._x(moment)
            painter.setPen(QPen(theme.color(Role.LINE), 1))
            painter.drawLine(QPointF(round(x) + 0.5, _TOP), QPointF(round(x) + 0.5, bottom))
            painter.setPen(theme.color(Role.MUTED))
            text = self._tick_text(moment, seconds)
            width = QFontMetrics(font).horizontalAdvance(text)
            left = min(max(x - width / 2, self._label_width() - 16), self.width() - width - 2)
            painter.drawText(QPointF(left, bottom + 18), text)

    def _tick_text(self, moment: datetime, seconds: float) -> str:
        if self._scale.linear:
            local = moment.astimezone()
            near = abs(seconds) < timedelta(hours=20).total_seconds()
            return local.strftime("%H:%M" if near else "%Y-%m-%d")
        sign = _MINUS if seconds < 0 else "+"
        return sign + span(timedelta(seconds=abs(seconds)))

    def _paint_row(self, painter: QPainter, row: ValidityRow, top: float) -> None:
        theme = current_theme()
        middle = top + _ROW / 2
        painter.setFont(theme.font(theme.type.body))
        painter.setPen(theme.color(Role.TEXT))
        shown = QFontMetrics(painter.font()).elidedText(
            row.label, Qt.TextElideMode.ElideRight, self._label_width() - 12
        )
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(0, top, self._label_width() - 12, _ROW), left, shown)
        self._paint_bar(painter, row, middle)
        if self._left_width() < _LEFT_TEXT:
            return
        role = Role.MUTED if row.state is LinkState.OK else state_roles(row.state)[0]
        painter.setFont(theme.font(theme.type.small))
        painter.setPen(theme.color(role))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        box = QRectF(self.width() - _LEFT_TEXT, top, _LEFT_TEXT, _ROW)
        painter.drawText(box, right, self._left_text(row))

    def _paint_bar(self, painter: QPainter, row: ValidityRow, middle: float) -> None:
        theme = current_theme()
        color = theme.color(state_roles(row.state)[0])
        start, end = self._x(row.not_before), self._x(row.not_after)
        now = min(max(self._x(self._now), start), end)
        bar = QRectF(start, middle - _BAR / 2, max(end - start, 6), _BAR)
        faint = theme.color(state_roles(row.state)[0])
        faint.setAlphaF(0.28 if theme.dark else 0.24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faint)
        painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
        painter.save()
        painter.setClipRect(QRectF(start, bar.top(), now - start, _BAR))
        painter.setBrush(color)
        painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
        painter.restore()
        if row.renew_at is not None:
            x = round(self._x(row.renew_at)) + 0.5
            painter.setPen(QPen(theme.color(Role.TEXT), 1.5))
            painter.drawLine(QPointF(x, middle - 10), QPointF(x, middle + 10))

    def _paint_now(self, painter: QPainter) -> None:
        theme = current_theme()
        x = round(self._x(self._now)) + 0.5
        bottom = _TOP + len(self._rows) * _ROW
        pen = QPen(theme.color(Role.ACCENT), 1.5)
        pen.setDashPattern([4, 2])
        painter.setPen(pen)
        painter.drawLine(QPointF(x, 2), QPointF(x, bottom + 2))
        painter.setFont(theme.font(theme.type.caption, QFont.Weight.DemiBold))
        text = self.tr("now {time}").format(time=self._now.astimezone().strftime("%H:%M"))
        width = QFontMetrics(painter.font()).horizontalAdvance(text)
        painter.drawText(QPointF(x - width / 2, bottom + 18), text)
