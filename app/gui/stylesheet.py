"""The one style sheet, generated from the theme; widgets choose a look by the property `look`."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from app.resources_path import resource

if TYPE_CHECKING:
    from app.gui.theme import Theme

_SHEET = Template("""
QWidget { color: $text; font-family: "$family"; font-size: ${body}px; }
QMainWindow, QDialog, QWidget[look="page"] { background: $bg; }
QToolTip { background: $tip_bg; color: $tip_text; border: 0; padding: 5px 8px;
  font-size: ${small}px; }
QLabel { background: transparent; }
QLabel[look="heading"] { font-size: ${heading}px; font-weight: 600; }
QLabel[look="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[look="section"] { font-size: ${section}px; font-weight: 600; }
QLabel[look="strong"] { font-weight: 600; }
QLabel[look="muted"] { color: $muted; }
QLabel[look="small"] { color: $muted; font-size: ${small}px; }
QLabel[look="caption"] { color: $muted; font-size: ${caption}px; font-weight: 600; }
QLabel[look="error"] { color: $bad; font-size: ${small}px; }
QLabel[look="mono"] { font-family: "$mono"; font-size: ${small}px; }

QFrame[look="card"] { background: $card; border: 1px solid $line; border-radius: ${r_card}px; }
QFrame[look="panel"] { background: $panel; border: 0; }
QFrame[look="pane-left"] { background: $panel; border: 0; border-right: 1px solid $line; }
QFrame[look="pane-right"] { background: $panel; border: 0; border-left: 1px solid $line; }
QFrame[look="strip"] { background: $panel; border: 0; border-top: 1px solid $line; }
QFrame[look="footer"] { background: $panel; border: 0; border-top: 1px solid $line; }
QFrame[look="line"] { background: $line; border: 0; max-height: 1px; min-height: 1px; }
QFrame[look="ok"] { background: $ok_soft; border: 0; border-radius: 8px; }
QFrame[look="warning"] { background: $warn_soft; border: 0; border-radius: 8px; }
QFrame[look="bad"] { background: $bad_soft; border: 0; border-radius: 8px; }
QFrame[look="unchecked"] { background: $muted_soft; border: 0; border-radius: 8px; }
QFrame[look="info"] { background: $accent_soft; border: 0; border-radius: 8px; }
QScrollArea { border: 0; background: transparent; }
QScrollArea > QWidget > QWidget[look="scrolled"] { background: transparent; }

QPushButton { background: $card; border: 1px solid $field_line; border-radius: ${r_control}px;
  padding: 0 14px; min-height: 28px; font-weight: 500; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $selection; }
QPushButton:focus { border: 2px solid $accent; padding: 0 13px; min-height: 26px; }
QPushButton:disabled { color: $muted; background: $muted_soft; border-color: $line; }
QPushButton[look="primary"] { background: $accent; color: $on_accent; border: 1px solid $accent;
  font-weight: 600; }
QPushButton[look="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[look="primary"]:focus { border: 2px solid $focus_on_accent; }
QPushButton[look="primary"]:disabled { color: $muted; background: $muted_soft;
  border: 1px solid $line; }
QPushButton[look="danger"] { background: $bad; color: $on_bad; border: 1px solid $bad;
  font-weight: 600; }
QPushButton[look="danger"]:focus { border: 2px solid $focus_on_accent; }
QPushButton[look="danger"]:disabled { color: $muted; background: $muted_soft;
  border: 1px solid $line; }
QPushButton[look="link"] { background: transparent; border: 0; color: $accent; padding: 0 4px;
  font-weight: 500; text-align: left; min-height: 24px; }
QPushButton[look="link"]:hover { text-decoration: underline; }
QPushButton[look="link"]:focus { border: 1px solid $accent; padding: 0 3px; min-height: 22px; }
QPushButton[look="quiet"] { background: transparent; border-color: $field_line; }
QPushButton[look="crumb"], QPushButton[look="crumb"]:disabled { background: transparent;
  border: 0; color: $muted; padding: 0; min-height: 18px; font-weight: 400; }
QPushButton[look="crumb"]:hover { color: $accent; }
QPushButton[look="crumb"]:focus { color: $accent; text-decoration: underline; }
QPushButton[look="quiet"]:hover { background: $hover; }
QToolButton { background: transparent; border: 1px solid transparent;
  border-radius: ${r_control}px; padding: 3px; }
QToolButton:hover { background: $hover; }
QToolButton:pressed, QToolButton:checked { background: $selection; }
QToolButton:focus { border-color: $accent; }
QToolButton[look="action"] { text-align: left; padding: 0 8px; min-height: 28px; }
QToolButton[look="action"]:disabled { color: $muted; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QComboBox { background: $card;
  border: 1px solid $field_line; border-radius: ${r_control}px; padding: 0 8px;
  min-height: 28px; selection-background-color: $accent; selection-color: $on_accent; }
QPlainTextEdit, QTextEdit { padding: 6px 8px; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QComboBox:focus {
  border: 2px solid $accent; padding: 0 7px; min-height: 26px; }
QPlainTextEdit:focus, QTextEdit:focus { padding: 5px 7px; }
QLineEdit:disabled, QPlainTextEdit:disabled, QSpinBox:disabled, QComboBox:disabled {
  color: $muted; background: $muted_soft; border-color: $line; }
QLineEdit:read-only { background: $muted_soft; border-color: $line; }
QLineEdit[wrong="true"], QComboBox[wrong="true"], QSpinBox[wrong="true"] {
  border-color: $bad; }
QPlainTextEdit[look="mono"] { font-family: "$mono"; font-size: ${small}px; }
QPlainTextEdit[look="detail"] { font-family: "$mono"; font-size: ${small}px;
  background: $panel; border-color: $line; }
QLineEdit[look="search"] { padding-left: 4px; }
QLineEdit[look="palette"] { border: 0; background: transparent; font-size: ${title}px;
  min-height: 40px; padding: 0 4px; }
QSpinBox QLineEdit, QComboBox QLineEdit { border: 0; background: transparent;
  padding: 0; min-height: 0; }
QComboBox { padding-left: 10px; }
QComboBox:focus { padding-left: 9px; }
QComboBox::drop-down { border: 0; width: 26px; }
QComboBox::down-arrow { image: url("$chevron"); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $card; border: 1px solid $line; outline: 0;
  padding: 4px; selection-background-color: $selection; selection-color: $text; }
QComboBox QAbstractItemView::item { min-height: 28px; border-radius: ${r_small}px; }
QSpinBox::up-button, QSpinBox::down-button { width: 20px; border: 0; background: transparent; }
QSpinBox::up-arrow { image: url("$chevron_up"); width: 10px; height: 10px; }
QSpinBox::down-arrow { image: url("$chevron"); width: 10px; height: 10px; }
QCheckBox, QRadioButton { spacing: 9px; min-height: 24px; background: transparent; }
QCheckBox:disabled, QRadioButton:disabled { color: $muted; }
QCheckBox::indicator, QRadioButton::indicator { width: 16px; height: 16px;
  border: 1px solid $mark_line; background: $card; }
QCheckBox::indicator { border-radius: ${r_small}px; }
QRadioButton::indicator { border-radius: 9px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $accent; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid $accent;
  width: 14px; height: 14px; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent;
  image: url("$check"); }
QRadioButton::indicator:checked { background: $card; border: 5px solid $accent;
  width: 8px; height: 8px; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { background: $muted_soft;
  border-color: $line; }
QCheckBox::indicator:checked:focus { border: 2px solid $focus_on_accent; }
QRadioButton::indicator:checked:focus { border: 5px solid $focus_on_accent; }

QGroupBox { font-weight: 600; border: 0; margin-top: 22px; padding: 0; }
QGroupBox::title { subcontrol-origin: margin; left: 0; top: 0; }
QTabWidget::pane { border: 0; border-top: 1px solid $line; top: -1px; }
QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: $muted; padding: 7px 4px; margin-right: 18px;
  border: 0; border-bottom: 2px solid transparent; font-weight: 500; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; font-weight: 600; }
QTabBar::tab:focus { color: $accent; }

QTreeView, QTableView, QListView { background: $card; border: 0; outline: 0;
  selection-background-color: $selection; selection-color: $text; gridline-color: $line; }
QTreeView[look="nav"] { background: transparent; show-decoration-selected: 0; }
QTreeView[look="nav"]::item { min-height: 30px; }
QTableView[look="framed"] { border: 1px solid $line; border-radius: ${r_control}px; }
QTableView::item { padding: 0 5px; border: 0; border-bottom: 1px solid $hover; }
QTableView::item:selected { background: $selection; color: $text; }
QHeaderView { background: $card; border: 0; }
QHeaderView::section { background: $card; color: $muted; border: 0;
  border-bottom: 1px solid $line; padding: 0 8px; min-height: 32px; font-weight: 600;
  font-size: ${small}px; }
QHeaderView::section:hover { color: $text; }
QHeaderView::up-arrow { image: url("$chevron_up"); width: 10px; height: 10px;
  subcontrol-position: center right; subcontrol-origin: padding; right: 4px; }
QHeaderView::down-arrow { image: url("$chevron"); width: 10px; height: 10px;
  subcontrol-position: center right; subcontrol-origin: padding; right: 4px; }
QTableCornerButton::section { background: $card; border: 0; }
QListView::item { min-height: 30px; border-radius: ${r_small}px; padding: 0 8px; }
QListView::item:selected { background: $selection; color: $text; }
QListView::item:hover:!selected { background: $hover; }
QListView::indicator { width: 16px; height: 16px; border: 1px solid $mark_line;
  background: $card; border-radius: ${r_small}px; }
QListView::indicator:checked { background: $accent; border-color: $accent;
  image: url("$check"); }
QListView::indicator:disabled { background: $muted_soft; border-color: $line; }

QMenuBar { background: $panel; border-bottom: 1px solid $line; padding: 2px 6px; }
QMenuBar::item { background: transparent; padding: 5px 10px; border-radius: ${r_small}px; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $card; border: 1px solid $line; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 10px; border-radius: ${r_small}px; }
QMenu::item:selected { background: $selection; color: $text; }
QMenu::item:disabled { color: $muted; background: transparent; }
QMenu::separator { height: 1px; background: $line; margin: 5px 6px; }
QMenu::icon { padding-left: 8px; }
QProgressBar { background: $muted_soft; border: 0; border-radius: 3px; max-height: 6px;
  min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSplitter::handle { background: transparent; }
QStatusBar { background: $panel; border: 0; }
QStatusBar::item { border: 0; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $field_line; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 36px; }
QScrollBar::handle:horizontal { min-width: 36px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: 0; }
""")


def build_stylesheet(theme: Theme) -> str:
    """The application's style sheet for `theme`."""
    colors = theme.colors
    icons = resource("icons")
    tone = "dark" if theme.dark else "light"
    values = {name: getattr(colors, name) for name in colors.__slots__}
    return _SHEET.substitute(
        values,
        tip_bg=colors.text,
        tip_text=colors.card,
        on_bad="#2b0d0d" if theme.dark else "#ffffff",
        focus_on_accent="#d5e5ff" if theme.dark else "#0b3c8c",
        mark_line=colors.muted,
        family=theme.family,
        mono=theme.mono_family,
        caption=theme.type.caption,
        small=theme.type.small,
        body=theme.type.body,
        section=theme.type.section,
        title=theme.type.title,
        heading=theme.type.heading,
        r_small=theme.radii.small,
        r_control=theme.radii.control,
        r_card=theme.radii.card,
        chevron=(icons / f"sheet-chevron-down-{tone}.svg").as_posix(),
        chevron_up=(icons / f"sheet-chevron-up-{tone}.svg").as_posix(),
        check=(icons / f"sheet-check-{tone}.svg").as_posix(),
    )
