"""Bundled icons, drawn in the colour of a palette role at the moment they are painted."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.domain.status import LinkState
from app.gui.theme import Role, current_theme, state_roles
from app.resources_path import resource

# The words of a state, by icon: `ok`, `warning`, `bad` and `unchecked` are also file names.
STATE_MARKS = {
    LinkState.OK: "check",
    LinkState.WARNING: "exclamation",
    LinkState.BAD: "cross",
    LinkState.UNCHECKED: "minus",
}


@cache
def _source(name: str) -> str:
    return (resource("icons") / f"{name}.svg").read_text(encoding="utf-8")


def paint_icon(painter: QPainter, rect: QRectF, name: str, role: Role) -> None:
    """Draw an icon into `rect` in the colour that `role` has now."""
    _renderer(name, current_theme().color(role).name()).render(painter, rect)


@cache
def _renderer(name: str, color: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", color).encode()))


@cache
def _pixmap(name: str, color: str, width: int, height: int) -> QPixmap:
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    side = min(width, height)
    painter = QPainter(image)
    _renderer(name, color).render(
        painter, QRectF((width - side) / 2, (height - side) / 2, side, side)
    )
    painter.end()
    return QPixmap.fromImage(image)


class _TintedEngine(QIconEngine):
    """Asks the theme at each paint, so that an icon handed out once follows every switch."""

    def __init__(self, name: str, role: Role) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def _color(self, mode: QIcon.Mode) -> str:
        role = Role.FIELD_LINE if mode is QIcon.Mode.Disabled else self._role
        return current_theme().color(role).name()

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        del state
        _renderer(self._name, self._color(mode)).render(painter, _square(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        del state
        return _pixmap(self._name, self._color(mode), size.width(), size.height())

    def clone(self) -> QIconEngine:
        return _TintedEngine(self._name, self._role)


def _square(rect: QRect) -> QRectF:
    side = min(rect.width(), rect.height())
    center = QRectF(rect).center()
    return QRectF(center.x() - side / 2, center.y() - side / 2, side, side)


@cache
def icon(name: str, role: Role = Role.MUTED) -> QIcon:
    """The bundled icon `name` (a file of resources/icons) in the colour of `role`.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    _source(name)
    return QIcon(_TintedEngine(name, role))


def state_icon(state: LinkState) -> QIcon:
    """The icon of a state in its colour."""
    return icon(state.value, state_roles(state)[0])
