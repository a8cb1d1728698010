"""Icons are tinted by role, follow the theme, and are sharp on dense screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon

from app.domain.status import LinkState
from app.gui.icons import icon, state_icon
from app.gui.theme import DARK, LIGHT, Role, ThemeMode, apply_theme
from app.resources_path import resource

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

NAMES = sorted(path.stem for path in resource("icons").glob("*.svg") if "sheet-" not in path.name)


def strongest_color(shown: QIcon) -> str:
    """The colour of the most opaque pixel."""
    image = shown.pixmap(QSize(48, 48), 1.0).toImage()
    pixels = [image.pixelColor(x, y) for x in range(48) for y in range(48)]
    best = max(pixels, key=QColor.alpha)
    return QColor(best.red(), best.green(), best.blue()).name() if best.alpha() else ""


@pytest.mark.parametrize("name", NAMES)
def test_every_icon_draws_in_its_role(name: str) -> None:
    assert strongest_color(icon(name, Role.ACCENT)) == LIGHT.accent


def test_an_icon_handed_out_once_follows_the_theme(qapp: QApplication) -> None:
    shown = icon("key", Role.TEXT)
    assert strongest_color(shown) == LIGHT.text
    apply_theme(qapp, ThemeMode.DARK)
    assert strongest_color(shown) == DARK.text


def test_dense_screens_get_more_pixels() -> None:
    assert icon("key").pixmap(QSize(16, 16), 2.0).width() == 32


def test_states_differ_in_color() -> None:
    assert len({strongest_color(state_icon(state)) for state in LinkState}) == len(LinkState)


def test_unknown_icon_is_refused_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon")
