"""The status path: why a revocation configuration works, or at which link it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.domain.status import Fix, LinkState, PathLink
from app.gui.icons import STATE_MARKS, paint_icon
from app.gui.theme import Role, Space, current_theme, state_roles
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import button

if TYPE_CHECKING:
    from collections.abc import Sequence

_RADIUS = 20
_TOP = 8
_TEXT_TOP = _TOP + 2 * _RADIUS + 12
_LINE = 18


def name_font(lines: int) -> QFont:
    """The font of the links' names: a little smaller where they need two lines."""
    theme = current_theme()
    size = theme.type.body if lines == 1 else theme.type.small
    return theme.font(size, QFont.Weight.DemiBold)


class LinkView(QWidget):
    """One link: circle, name, subject, word; reachable by Tab, chosen by click, Return, Space."""

    chosen = Signal(int)

    def __init__(self, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._index = index
        self._hovered = False
        self.link: PathLink | None = None
        self.selected = False
        self.setObjectName(f"status_link_{index}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMinimumWidth(84)
        self.name_lines = 1
        self.setFixedHeight(_TEXT_TOP + 3 * _LINE + 4)

    def show_link(self, link: PathLink) -> None:
        """Show a link."""
        self.link = link
        spoken = f"{link.name.value}: {link.word}, {link.subject}. {link.reason}"
        self.setAccessibleName(spoken.strip())
        lines = (f"{link.name.value}: {link.word}", link.subject, link.reason)
        self.setToolTip("\n".join(line for line in lines if line))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, self.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.chosen.emit(self._index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.chosen.emit(self._index)
        elif event.key() in {Qt.Key.Key_Left, Qt.Key.Key_Right}:
            self.focusNextPrevChild(event.key() == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self.link is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter)
        self._paint_circle(painter, self.link)
        self._paint_texts(painter, self.link)
        painter.end()

    def _paint_ground(self, painter: QPainter) -> None:
        theme = current_theme()
        if self._hovered or self.hasFocus():
            painter.setBrush(theme.color(Role.HOVER) if self._hovered else Qt.BrushStyle.NoBrush)
            painter.setPen(
                QPen(theme.color(Role.ACCENT), 2) if self.hasFocus() else Qt.PenStyle.NoPen
            )
            box = QRectF(self.rect()).adjusted(3, _TEXT_TOP - 6, -3, -1)
            painter.drawRoundedRect(box, theme.radii.control, theme.radii.control)

    def _paint_circle(self, painter: QPainter, link: PathLink) -> None:
        theme = current_theme()
        color, ground = state_roles(link.state)
        center = QPointF(self.width() / 2, _TOP + _RADIUS)
        if self.selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(ground))
            painter.drawEllipse(center, _RADIUS + 5, _RADIUS + 5)
        painter.setPen(QPen(theme.color(color), 2))
        painter.setBrush(theme.color(ground))
        painter.drawEllipse(center, _RADIUS - 1, _RADIUS - 1)
        mark = QRectF(center.x() - 12, center.y() - 12, 24, 24)
        paint_icon(painter, mark, STATE_MARKS[link.state], color)

    def _paint_texts(self, painter: QPainter, link: PathLink) -> None:
        theme = current_theme()
        small = theme.font(theme.type.small)
        word = theme.font(theme.type.small, QFont.Weight.Medium)
        top = float(_TEXT_TOP)
        painter.setFont(name_font(self.name_lines))
        painter.setPen(theme.color(Role.TEXT))
        box = QRectF(4, top, self.width() - 8, self.name_lines * _LINE)
        painter.drawText(
            box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, link.name.value
        )
        top += self.name_lines * _LINE
        rows = (
            (link.subject, small, Role.MUTED),
            (link.word, word, state_roles(link.state)[0]),
        )
        for number, (text, font, role) in enumerate(rows):
            box = QRectF(6, top + number * _LINE, self.width() - 12, _LINE)
            shown = QFontMetrics(font).elidedText(
                text, Qt.TextElideMode.ElideMiddle, int(box.width())
            )
            painter.setFont(font)
            painter.setPen(theme.color(role))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


class _Row(QWidget):
    """Lays the links out side by side and paints the lines between their circles."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views: list[LinkView] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.set_name_lines()

    def set_name_lines(self) -> None:
        """Names stand on two lines as soon as one of them does not fit on one."""
        shown = [view.link.name.value for view in self.views if view.link is not None]
        metrics = QFontMetrics(name_font(1))
        room = self.width() / max(1, len(shown)) - 8
        lines = 1 if all(metrics.horizontalAdvance(text) <= room for text in shown) else 2
        for view in self.views:
            view.name_lines = lines
            view.setFixedHeight(_TEXT_TOP + (lines + 2) * _LINE + 4)

    def add(self, view: LinkView) -> None:
        self.views.append(view)
        self._row.addWidget(view, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for left, right in zip(self.views, self.views[1:], strict=False):
            if left.link is None or right.link is None:
                continue
            sound = left.link.state in {LinkState.OK, LinkState.WARNING}
            checked = sound and right.link.state is not LinkState.UNCHECKED
            role = state_roles(left.link.state)[0] if checked else Role.FIELD_LINE
            pen = QPen(theme.color(role), 2)
            if not checked:
                pen.setDashPattern([3, 3])
            painter.setPen(pen)
            y = _TOP + _RADIUS
            start = left.geometry().center().x() + _RADIUS + 7
            end = right.geometry().center().x() - _RADIUS - 7
            painter.drawLine(QPointF(start, y), QPointF(end, y))
        painter.end()


class StatusPath(QWidget):
    """Paints the links of a status, and below them why the chosen one is not well.

    Signals:
        fix_requested: carries the `Fix` of the link whose banner is shown.
    """

    fix_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status_path")
        self.setAccessibleName(self.tr("Status path"))
        self._links: tuple[PathLink, ...] = ()
        self._chosen: int | None = None
        self._row = _Row()
        self.banner = InlineBanner("status_banner")
        self.detail = QPlainTextEdit()
        self.copy_button = button(
            self.tr("Copy"), "status_copy_detail", self.copy_detail, look="quiet", icon_name="copy"
        )
        self._detail_box = QWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._row)
        column.addWidget(self.banner)
        column.addWidget(self._detail_box)
        self._build_detail()

    def _build_detail(self) -> None:
        self.detail.setObjectName("status_detail")
        self.detail.setProperty("look", "detail")
        self.detail.setAccessibleName(self.tr("Technical detail"))
        self.detail.setReadOnly(True)
        self.detail.setFixedHeight(96)
        row = QHBoxLayout(self._detail_box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.detail, 1)
        row.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignTop)
        self._detail_box.hide()

    @property
    def links(self) -> tuple[PathLink, ...]:
        """The links that are shown."""
        return self._links

    def views(self) -> list[LinkView]:
        """The widgets of the links, in their order."""
        return list(self._row.views)

    def set_links(self, links: Sequence[PathLink]) -> None:
        """Show a status; the first bad link is chosen, or the one the user chose before."""
        links = tuple(links)
        if links == self._links:
            return
        before = self._chosen_name()
        self._links = links
        while len(self._row.views) < len(links):
            view = LinkView(len(self._row.views))
            view.chosen.connect(self.choose)
            self._row.add(view)
        for view, link in zip(self._row.views, links, strict=False):
            view.show_link(link)
        for index, view in enumerate(self._row.views):
            view.setVisible(index < len(links))
        self._row.set_name_lines()
        self._choose_worst(before)
        self._row.update()

    def _chosen_name(self) -> str:
        return self._links[self._chosen].name.value if self._chosen is not None else ""

    def _choose_worst(self, before: str) -> None:
        worst = None
        for state in (LinkState.WARNING, LinkState.BAD):
            found = [i for i, link in enumerate(self._links) if link.state is state]
            worst = found[0] if found else worst
        kept = [i for i, link in enumerate(self._links) if link.name.value == before]
        if kept and self._links[kept[0]].reason:
            worst = kept[0]
        self._detail_box.hide()
        self._show_choice(worst)

    def choose(self, index: int) -> None:
        """Show why the link `index` is as it is; a link that is well says so."""
        self._detail_box.hide()
        self._show_choice(index)

    def _show_choice(self, index: int | None) -> None:
        self._chosen = index
        for number, view in enumerate(self._row.views):
            view.selected = number == index
            view.update()
        if index is None:
            self.banner.hide()
            return
        link = self._links[index]
        message = link.reason or f"{link.name.value}: {link.word}"
        hint = link.likely_cause if link.reason else link.subject
        fix = (link.fix.value, self._request_fix) if link.fix is not None else None
        details = (self.tr("Details"), self.toggle_detail) if link.detail else None
        self.banner.show_message(link.state, message, hint, action=fix, second=details)
        self.detail.setPlainText(link.detail)
        self.banner.action_button.setToolTip(link.fix_command)

    def _request_fix(self) -> None:
        if self._chosen is not None:
            fix: Fix | None = self._links[self._chosen].fix
            if fix is not None:
                self.fix_requested.emit(fix)

    def toggle_detail(self) -> None:
        """Show or hide the technical lines of the chosen link."""
        self._detail_box.setVisible(self._detail_box.isHidden())

    def copy_detail(self) -> None:
        """Copy the technical lines to the clipboard."""
        QGuiApplication.clipboard().setText(self.detail.toPlainText())
