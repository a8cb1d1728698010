"""The palettes are readable, and switching works."""

from __future__ import annotations

from dataclasses import fields

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel

from app.gui.theme import (
    DARK,
    LIGHT,
    TEXT_ON,
    Colors,
    Role,
    ThemeMode,
    apply_theme,
    current_theme,
    theme_manager,
)

PAIRS = [
    pytest.param(colors, text, ground, id=f"{name}-{text.value}-on-{ground.value}")
    for name, colors in (("light", LIGHT), ("dark", DARK))
    for text, grounds in TEXT_ON
    for ground in grounds
]


_LINEAR_BELOW = 0.04045  # WCAG 2.2, definition of relative luminance


def _contrast(first: str, second: str) -> float:
    """Contrast ratio of two `#rrggbb` colours (WCAG 2.2, relative luminance)."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= _LINEAR_BELOW else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("colors", "text", "ground"), PAIRS)
def test_text_is_readable_on_its_ground(colors: Colors, text: Role, ground: Role) -> None:
    ratio = _contrast(getattr(colors, text.value), getattr(colors, ground.value))
    assert ratio >= 4.5, f"{ratio:.2f}"


def test_contrast_of_known_pairs() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_every_role_is_a_color() -> None:
    assert {field.name for field in fields(Colors)} == {role.value for role in Role}


def test_switching_repaints_palette_and_sheet(qapp: QApplication) -> None:
    label = QLabel("text")
    apply_theme(qapp, ThemeMode.DARK)
    assert current_theme().dark
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == DARK.bg
    assert DARK.card in qapp.styleSheet()
    apply_theme(qapp, ThemeMode.LIGHT)
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == LIGHT.bg
    assert DARK.card not in qapp.styleSheet()
    label.deleteLater()


def test_system_mode_follows_the_color_scheme(qapp: QApplication) -> None:
    apply_theme(qapp, ThemeMode.SYSTEM)
    qapp.styleHints().setColorScheme(Qt.ColorScheme.Dark)
    scheme = qapp.styleHints().colorScheme()
    theme_manager()._system_changed()
    assert current_theme().dark == (scheme == Qt.ColorScheme.Dark)
    qapp.styleHints().unsetColorScheme()


def test_the_bundled_font_is_in_use() -> None:
    assert current_theme().family == "Inter"
