"""The property sheet of a certificate template: tabs, marks of changes, OK, Cancel and Apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QTabWidget, QVBoxLayout

from app.gui.panels.certificate_templates.cryptography_tab import CryptographyTab
from app.gui.panels.certificate_templates.extensions_tab import ExtensionsTab
from app.gui.panels.certificate_templates.facts import SheetStart, changed_fields, why_fixed
from app.gui.panels.certificate_templates.general_tabs import GeneralTab, IssuanceTab, SubjectTab
from app.gui.panels.certificate_templates.security_tab import SecurityTab
from app.gui.theme import Space
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import button, label

if TYPE_CHECKING:
    from app.domain.errors import SealkeeperError
    from app.domain.templates import Template
    from app.gui.panel import Console
    from app.gui.panels.certificate_templates.tab import TemplateTab
    from app.services.backend import Backend


class TemplateSheet(QDialog):
    """Shows and changes one template; open with `open()`.

    Signals:
        saved: carries the template as it was stored, after each Apply or OK that changed it.
    """

    saved = Signal(object)

    def __init__(self, console: Console, backend: Backend, start: SheetStart) -> None:
        super().__init__(console.dialog_parent())
        self.setObjectName("template_sheet")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.resize(780, 690)
        self._runner = console.tasks
        self._backend = backend
        self._original = start.template
        self._filling = False
        self._busy = False
        self.general = GeneralTab()
        self.subject = SubjectTab()
        find = backend.principals.find
        self._tabs: tuple[TemplateTab, ...] = (
            self.general,
            CryptographyTab(start.providers),
            self.subject,
            IssuanceTab(),
            ExtensionsTab(),
            SecurityTab(start.principals, find, self._runner),
        )
        self.tabs = QTabWidget()
        self.tabs.setObjectName("template_tabs")
        self.banner = InlineBanner("template_banner")
        self.problem = label("", "error", wrap=True)
        self.ok_button = button(self.tr("OK"), "template_ok", self._ok, look="primary")
        self.cancel_button = button(self.tr("Cancel"), "template_cancel", self.reject)
        self.apply_button = button(self.tr("Apply"), "template_apply", self._apply)
        self._build()
        self._show(start.template)

    def _build(self) -> None:
        for tab in self._tabs:
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setWidget(tab)
            self.tabs.addTab(area, tab.title)
            tab.changed.connect(self._edited)
        self.title_label = label("", "title")
        head = QVBoxLayout()
        head.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.M)
        head.setSpacing(Space.M)
        head.addWidget(self.title_label)
        head.addWidget(self.banner)
        self.tabs.tabBar().setAccessibleName(self.tr("Pages of the template's properties"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(head)
        holder = QHBoxLayout()
        holder.setContentsMargins(Space.XL, 0, Space.XL, 0)
        holder.addWidget(self.tabs)
        outer.addLayout(holder, 1)
        outer.addWidget(self._footer())

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        row.setSpacing(Space.S)
        self.problem.setObjectName("template_problem")
        row.addWidget(self.problem, 1)
        self.ok_button.setDefault(True)
        for each in (self.ok_button, self.cancel_button, self.apply_button):
            row.addWidget(each)
        return footer

    # --- the template -------------------------------------------------------------------------

    def edited(self) -> Template:
        """The template as the fields say."""
        template = self._original
        for tab in self._tabs:
            template = tab.applied_to(template)
        return template

    def _show(self, template: Template) -> None:
        self._original = template
        words = self.tr("{name} Properties").format(name=template.display_name)
        self.setWindowTitle(words)
        self.setAccessibleName(words)
        self.title_label.setText(words)
        self._filling = True
        fixed = why_fixed(template)
        for tab in self._tabs:
            tab.show_template(template)
            tab.set_fixed(fixed=bool(fixed))
        self._filling = False
        if fixed:
            self.banner.show_message(
                None, self.tr("Only the permissions of this template can be changed."), fixed
            )
            self.tabs.setCurrentIndex(len(self._tabs) - 1)
        self._edited()

    def _edited(self) -> None:
        if self._filling:
            return
        template = self.edited()
        changed = changed_fields(self._original, template)
        problems = dict(template.problems())
        wrong = False
        for number, tab in enumerate(self._tabs):
            dot = " •" if tab.mark(changed) else ""
            self.tabs.setTabText(number, tab.title + dot)
            wrong = tab.show_problems(problems) or wrong
        self.general.show_test_value(shown=template.is_test_value)
        self.subject.show_note(template)
        wrong = wrong or bool(problems)
        self.problem.setText(
            self.tr("Correct the fields that are marked red.") if wrong and changed else ""
        )
        self.ok_button.setEnabled(not self._busy and not (wrong and changed))
        self.apply_button.setEnabled(not self._busy and bool(changed) and not wrong)

    # --- storing ------------------------------------------------------------------------------

    def _ok(self) -> None:
        if changed_fields(self._original, self.edited()):
            self._save(close=True)
        else:
            self.accept()

    def _apply(self) -> None:
        self._save(close=False)

    def _save(self, *, close: bool) -> None:
        self._set_busy(busy=True)
        self._runner.run(
            self.tr("Storing the template"),
            self._backend.templates.save,
            self.edited(),
            owner=self,
            done=lambda stored: self._stored(stored, close=close),
            failed=self._failed,
        )

    def _stored(self, stored: Template, *, close: bool) -> None:
        self._set_busy(busy=False)
        if why_fixed(stored) == "":
            self.banner.hide()
        self._show(stored)
        self.saved.emit(stored)
        if close:
            self.accept()

    def _failed(self, error: SealkeeperError) -> None:
        self._set_busy(busy=False)
        self._edited()
        self.banner.show_error(error)

    def _set_busy(self, *, busy: bool) -> None:
        self._busy = busy
        self.tabs.setEnabled(not busy)
        for each in (self.ok_button, self.apply_button):
            each.setEnabled(not busy)
