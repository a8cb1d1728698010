"""A certificate as administrators know it: General, Details, copy and save."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.files import ask_save
from app.gui.formats import grouped_hex, local_time
from app.gui.table_view import TableView
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Role, Space
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card, IconLabel, button, label
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.pki.names import common_name
from app.pki.pem import CERTIFICATE, to_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.certificates import CertificateFacts
    from app.domain.errors import SealkeeperError
    from app.gui.tasks import TaskRunner

Detail = tuple[str, str, str]


def detail_rows(facts: CertificateFacts) -> list[Detail]:
    """All fields as (name, value in one line, value in full)."""
    fields = [
        ("Version", f"V{facts.version}"),
        ("Serial number", grouped_hex(facts.serial)),
        ("Signature algorithm", facts.signature_algorithm),
        ("Issuer", facts.issuer),
        ("Valid from", local_time(facts.not_before, seconds=True)),
        ("Valid to", local_time(facts.not_after, seconds=True)),
        ("Subject", facts.subject),
    ]
    rows = [(name, value, value) for name, value in fields]
    key = "\n".join(textwrap.wrap(grouped_hex(facts.public_key_hex, 2), 48))
    rows.append(("Public key", facts.public_key, f"{facts.public_key}\n\n{key}"))
    for extension in facts.extensions:
        critical = ", critical" if extension.critical else ""
        whole = f"{extension.name} ({extension.oid}{critical})\n\n{extension.text}"
        rows.append((extension.name, extension.text.replace("\n", "; "), whole))
    for name, value in (("Thumbprint SHA-1", facts.sha1), ("Thumbprint SHA-256", facts.sha256)):
        rows.append((name, grouped_hex(value), grouped_hex(value)))
    return rows


class CertificateDialog(QDialog):
    """Shows one certificate from its DER bytes; `decode` is Qt-free and runs in a task."""

    def __init__(
        self,
        der: bytes,
        decode: Callable[[bytes], CertificateFacts],
        runner: TaskRunner,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._der = der
        self._runner = runner
        self.facts: CertificateFacts | None = None
        self.setObjectName("certificate_dialog")
        self.setWindowTitle(self.tr("Certificate"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 620)
        self._model = ListTableModel[Detail](
            (
                Column("field", self.tr("Field"), lambda row: row[0], width=190),
                Column("value", self.tr("Value"), lambda row: row[1], width=300, stretch=True),
            ),
            parent=self,
        )
        self._make_widgets()
        self._build()
        runner.run(
            self.tr("Reading certificate"),
            decode,
            der,
            owner=self,
            done=self._show,
            failed=self._fail,
            quiet=True,
        )

    def _make_widgets(self) -> None:
        self.name = label("", "title", selectable=True)
        self.name.setObjectName("certificate_name")
        self.purpose = label("", "muted", wrap=True)
        self.banner = InlineBanner("certificate_banner")
        self.loading = QProgressBar()
        self.loading.setRange(0, 0)
        self.loading.setTextVisible(False)
        self.general = KeyValueGrid()
        self.table = TableView(self._model, "certificate_details", self.tr("Fields"))
        self.table.row_selected.connect(self._show_value)
        self.value = QPlainTextEdit()
        self.value.setObjectName("certificate_value")
        self.value.setProperty("look", "detail")
        self.value.setReadOnly(True)
        self.value.setAccessibleName(self.tr("Value of the selected field"))
        self.tabs = QTabWidget()
        self.tabs.setObjectName("certificate_tabs")
        self.tabs.tabBar().setDrawBase(False)
        self.table.setProperty("look", "framed")

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.S)
        head.setSpacing(Space.L)
        head.addWidget(IconLabel("certificate", Role.ACCENT, 40), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.name)
        words.addWidget(self.purpose)
        head.addLayout(words, 1)
        general = QWidget()
        column = QVBoxLayout(general)
        column.setContentsMargins(0, Space.L, 0, 0)
        card = Card()
        card.body.addWidget(self.general)
        column.addWidget(card)
        column.addStretch(1)
        details = QWidget()
        column = QVBoxLayout(details)
        column.setContentsMargins(0, Space.S, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self.table, 3)
        column.addWidget(self.value, 2)
        self.tabs.addTab(general, self.tr("General"))
        self.tabs.addTab(details, self.tr("Details"))
        middle = QVBoxLayout()
        middle.setContentsMargins(Space.XL, 0, Space.XL, Space.L)
        middle.addWidget(self.loading)
        middle.addWidget(self.banner)
        middle.addWidget(self.tabs, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(head)
        outer.addLayout(middle, 1)
        outer.addWidget(self._footer())

    def _footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("look", "footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        row.setSpacing(Space.S)
        copy = button(
            self.tr("Copy PEM"), "certificate_copy", self.copy_pem, look="quiet", icon_name="copy"
        )
        save = button(
            self.tr("Save As…"), "certificate_save", self.ask_save, look="quiet", icon_name="save"
        )
        row.addWidget(copy)
        row.addWidget(save)
        row.addStretch(1)
        close = button(self.tr("Close"), "certificate_close", self.accept, look="primary")
        close.setDefault(True)
        row.addWidget(close)
        return footer

    def _show(self, facts: CertificateFacts) -> None:
        self.facts = facts
        self.loading.hide()
        self.name.setText(common_name(facts.subject))
        kind = self.tr("Certification authority") if facts.is_ca else self.tr("End entity")
        template = self.tr(", template {name}").format(name=facts.template)
        self.purpose.setText(kind + (template if facts.template else ""))
        lines = [
            Fact(self.tr("Issued to"), facts.subject),
            Fact(self.tr("Issued by"), facts.issuer),
            Fact(self.tr("Valid from"), local_time(facts.not_before)),
            Fact(self.tr("Valid to"), local_time(facts.not_after)),
            Fact(self.tr("Serial number"), grouped_hex(facts.serial), mono=True),
            Fact(self.tr("Public key"), facts.public_key),
            Fact(self.tr("Signature"), facts.signature_algorithm),
            Fact(self.tr("SHA-256"), grouped_hex(facts.sha256), mono=True),
        ]
        self.general.set_facts(lines)
        self._model.set_rows(detail_rows(facts))
        self.table.selectRow(0)

    def _fail(self, error: SealkeeperError) -> None:
        self.loading.hide()
        self.tabs.hide()
        self.banner.show_error(error)

    def _show_value(self, row: Detail | None) -> None:
        self.value.setPlainText(row[2] if row is not None else "")

    def copy_pem(self) -> None:
        """Copy the certificate to the clipboard."""
        QGuiApplication.clipboard().setText(to_pem(CERTIFICATE, self._der).decode("ascii"))

    def ask_save(self) -> None:
        """Ask for a file, without waiting, and save there."""
        ask_save(self._runner, self, self.tr("Save Certificate"), CERTIFICATE, lambda: self._der)
