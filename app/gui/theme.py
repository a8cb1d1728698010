"""The visual system: palettes, spacing and type scale, and their application to Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory, QToolTip

from app.domain.status import LinkState
from app.gui.stylesheet import build_stylesheet
from app.resources_path import resource


class ThemeMode(StrEnum):
    """What the user chose."""

    LIGHT = "light"
    DARK = "dark"
    SYSTEM = "system"


class Role(StrEnum):
    """Names of the colours of a palette."""

    BG = "bg"
    PANEL = "panel"
    CARD = "card"
    LINE = "line"
    FIELD_LINE = "field_line"
    HOVER = "hover"
    SELECTION = "selection"
    TEXT = "text"
    MUTED = "muted"
    ACCENT = "accent"
    ACCENT_HOVER = "accent_hover"
    ON_ACCENT = "on_accent"
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    ACCENT_SOFT = "accent_soft"
    OK_SOFT = "ok_soft"
    WARN_SOFT = "warn_soft"
    BAD_SOFT = "bad_soft"
    MUTED_SOFT = "muted_soft"


@dataclass(frozen=True, slots=True)
class Colors:
    """A palette; every colour as `#rrggbb`. The soft ones are grounds for text of their role."""

    bg: str
    panel: str
    card: str
    line: str
    field_line: str
    hover: str
    selection: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    ok: str
    warn: str
    bad: str
    accent_soft: str
    ok_soft: str
    warn_soft: str
    bad_soft: str
    muted_soft: str


LIGHT = Colors(
    bg="#f5f6f8", panel="#fbfbfc", card="#ffffff", line="#dfe3e8", field_line="#c3cad3",
    hover="#eef1f5", selection="#e3edfd", text="#1d2329", muted="#5c6672", accent="#1a62d6",
    accent_hover="#1553b8", on_accent="#ffffff", ok="#17754a", warn="#955800", bad="#c02626",
    accent_soft="#e7effc", ok_soft="#e4f2ea", warn_soft="#fbf0dc", bad_soft="#fcebea",
    muted_soft="#eef0f3",
)  # fmt: skip
DARK = Colors(
    bg="#1b1d21", panel="#212429", card="#282c32", line="#383d45", field_line="#4d545e",
    hover="#2f343b", selection="#2d3a4f", text="#e7e9ec", muted="#a3abb6", accent="#6aa6ff",
    accent_hover="#8abaff", on_accent="#0f1a2b", ok="#4cc38a", warn="#f0b429", bad="#ff7b7b",
    accent_soft="#2a3648", ok_soft="#27392f", warn_soft="#3d3522", bad_soft="#432c2f",
    muted_soft="#33383f",
)  # fmt: skip

# (text colour, grounds it stands on): the contrast test walks these.
TEXT_ON: tuple[tuple[Role, tuple[Role, ...]], ...] = (
    (Role.TEXT, (Role.BG, Role.PANEL, Role.CARD, Role.SELECTION, Role.HOVER, Role.ACCENT_SOFT,
                 Role.OK_SOFT, Role.WARN_SOFT, Role.BAD_SOFT, Role.MUTED_SOFT)),
    (Role.MUTED, (Role.BG, Role.PANEL, Role.CARD, Role.SELECTION, Role.HOVER, Role.MUTED_SOFT)),
    (Role.ACCENT, (Role.BG, Role.PANEL, Role.CARD, Role.SELECTION, Role.ACCENT_SOFT)),
    (Role.OK, (Role.BG, Role.PANEL, Role.CARD, Role.SELECTION, Role.OK_SOFT)),
    (Role.WARN, (Role.BG, Role.PANEL, Role.CARD, Role.SELECTION, Role.WARN_SOFT)),
    (Role.BAD, (Role.BG, Role.PANEL, Role.CARD, Role.SELECTION, Role.BAD_SOFT)),
    (Role.ON_ACCENT, (Role.ACCENT, Role.ACCENT_HOVER)),
)  # fmt: skip


class Space:
    """The spacing scale in device-independent pixels."""

    XS = 4
    S = 8
    M = 12
    L = 16
    XL = 24
    XXL = 32


@dataclass(frozen=True, slots=True)
class TypeScale:
    """Font sizes in device-independent pixels."""

    caption: int = 11
    small: int = 12
    body: int = 13
    section: int = 14
    title: int = 17
    heading: int = 21


@dataclass(frozen=True, slots=True)
class Radii:
    """Corner radii in device-independent pixels."""

    small: int = 4
    control: int = 6
    card: int = 10


@dataclass(frozen=True, slots=True)
class Theme:
    """Everything that the look is made of."""

    name: str
    dark: bool
    colors: Colors
    type: TypeScale = TypeScale()
    radii: Radii = Radii()
    family: str = "Inter"
    mono_family: str = "monospace"

    def color(self, role: Role) -> QColor:
        """The colour of a role."""
        return QColor(getattr(self.colors, role.value))

    def font(self, size: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
        """The interface's font at a size of the type scale."""
        font = QFont(self.family)
        font.setPixelSize(size)
        font.setWeight(weight)
        return font


_STATE_ROLES = {
    LinkState.OK: (Role.OK, Role.OK_SOFT),
    LinkState.WARNING: (Role.WARN, Role.WARN_SOFT),
    LinkState.BAD: (Role.BAD, Role.BAD_SOFT),
    LinkState.UNCHECKED: (Role.MUTED, Role.MUTED_SOFT),
}


def state_roles(state: LinkState) -> tuple[Role, Role]:
    """Text colour and soft ground of a state."""
    return _STATE_ROLES[state]


class ThemeManager(QObject):
    """Holds the theme in force and follows the system's colour scheme; main thread only."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.mode = ThemeMode.SYSTEM
        self.theme = Theme("light", dark=False, colors=LIGHT)
        self._app: QApplication | None = None

    def apply(self, app: QApplication, mode: ThemeMode) -> None:
        """Set style, font, palette and style sheet of the application."""
        if self._app is not app:
            self._app = app
            app.setStyle(QStyleFactory.create("Fusion"))
            app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self.mode = mode
        dark = mode is ThemeMode.DARK or (mode is ThemeMode.SYSTEM and _system_is_dark(app))
        self.theme = Theme(
            "dark" if dark else "light",
            dark=dark,
            colors=DARK if dark else LIGHT,
            family=_load_fonts(),
            mono_family=QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family(),
        )
        app.setFont(self.theme.font(self.theme.type.body))
        app.setPalette(_palette(self.theme))
        QToolTip.setPalette(app.palette())
        app.setStyleSheet(build_stylesheet(self.theme))
        self.changed.emit()

    @Slot()
    def _system_changed(self) -> None:
        if self._app is not None and self.mode is ThemeMode.SYSTEM:
            self.apply(self._app, ThemeMode.SYSTEM)


def _system_is_dark(app: QApplication) -> bool:
    return app.styleHints().colorScheme() == Qt.ColorScheme.Dark


@cache
def _load_fonts() -> str:
    """Register the bundled font once; its family name, or the system's where that fails."""
    family = ""
    for path in sorted(resource("fonts").glob("*.otf")):
        families = QFontDatabase.applicationFontFamilies(
            QFontDatabase.addApplicationFont(str(path))
        )
        family = family or next((name for name in families if name == "Inter"), "")
    return family or QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: Role.BG,
        QPalette.ColorRole.WindowText: Role.TEXT,
        QPalette.ColorRole.Base: Role.CARD,
        QPalette.ColorRole.AlternateBase: Role.PANEL,
        QPalette.ColorRole.Text: Role.TEXT,
        QPalette.ColorRole.Button: Role.CARD,
        QPalette.ColorRole.ButtonText: Role.TEXT,
        QPalette.ColorRole.BrightText: Role.BAD,
        QPalette.ColorRole.Highlight: Role.ACCENT,
        QPalette.ColorRole.HighlightedText: Role.ON_ACCENT,
        QPalette.ColorRole.Link: Role.ACCENT,
        QPalette.ColorRole.LinkVisited: Role.ACCENT,
        QPalette.ColorRole.ToolTipBase: Role.TEXT,
        QPalette.ColorRole.ToolTipText: Role.CARD,
        QPalette.ColorRole.PlaceholderText: Role.MUTED,
        QPalette.ColorRole.Light: Role.CARD,
        QPalette.ColorRole.Midlight: Role.LINE,
        QPalette.ColorRole.Mid: Role.LINE,
        QPalette.ColorRole.Dark: Role.FIELD_LINE,
        QPalette.ColorRole.Shadow: Role.FIELD_LINE,
        QPalette.ColorRole.Accent: Role.ACCENT,
    }
    for color_role, role in roles.items():
        palette.setColor(color_role, theme.color(role))
    for color_role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, color_role, theme.color(Role.MUTED))
    return palette


@cache
def theme_manager() -> ThemeManager:
    """The one manager of the process."""
    return ThemeManager()


def current_theme() -> Theme:
    """The theme in force; paint code asks at each paint, so that switching needs no more."""
    return theme_manager().theme


def apply_theme(app: QApplication, mode: ThemeMode) -> None:
    """Apply `mode` to the application; callable at any time from the main thread."""
    theme_manager().apply(app, mode)
