"""The page of one revocation configuration: the status path, validity, signing certificates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout

from app.domain.errors import NotFound
from app.domain.responder import SignerState, SigningCertificate, SigningFlag
from app.domain.status import LinkName, LinkState, PathLink
from app.gui.actions import ActionSpec
from app.gui.formats import grouped_hex, local_time
from app.gui.panel import Panel
from app.gui.panels.online_responder.actions import ResponderActions
from app.gui.panels.online_responder.activity import Activity
from app.gui.panels.online_responder.ask_dialog import AskDialog
from app.gui.panels.online_responder.configurations_panel import confirm_removal
from app.gui.panels.online_responder.facts import choices, configuration_facts
from app.gui.panels.online_responder.fixes import Fixer
from app.gui.panels.online_responder.keys import CONFIGURATIONS, configuration_key
from app.gui.panels.online_responder.properties_dialog import PropertiesDialog
from app.gui.panels.online_responder.serials import serial_of
from app.gui.table_view import TableCard, TableView, fit_rows
from app.gui.tables import Column, ListTableModel
from app.gui.theme import Space
from app.gui.watch import Watch
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.widgets.status_path import StatusPath
from app.gui.widgets.validity_timeline import ValidityRow, ValidityTimeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.ids import ConfigurationId
    from app.domain.services import HostControl
    from app.gui.panel import Console
    from app.gui.panels.online_responder.facts import Choices, ConfigurationFacts
    from app.services.backend import Backend


def _state_word(row: SigningCertificate) -> str:
    if row.state is SignerState.CURRENT:
        return "Current"
    return "Earlier" if row.key_retired_at is None else "Key retired"


def columns() -> tuple[Column[SigningCertificate], ...]:
    """The columns of the signing certificates."""
    return (
        Column(
            "state",
            "State",
            _state_word,
            state=lambda row: (
                LinkState.OK if row.state is SignerState.CURRENT else LinkState.UNCHECKED
            ),
            width=108,
        ),
        Column("serial", "Serial number", lambda row: grouped_hex(serial_of(row)), width=120,
               stretch=True, mono=True),
        Column("from", "Valid from", lambda row: local_time(row.not_before),
               order=lambda row: row.not_before, width=168),
        Column("to", "Valid to", lambda row: local_time(row.not_after),
               order=lambda row: row.not_after, width=168),
        Column("key", "Key", key_words, width=168),
    )  # fmt: skip


def key_words(row: SigningCertificate) -> str:
    """What the key is and where it is; its label is in the list of keys."""
    holder = row.key.token.label if row.key.token is not None else "software"
    return f"{row.key.spec} · {holder}"


def setting_facts(facts: ConfigurationFacts) -> list[Fact]:
    """The settings as lines."""
    configuration = facts.configuration
    flags = configuration.signing_flags
    template = facts.template.display_name if facts.template else configuration.template
    by_name = SigningFlag.RESPONDER_ID_NAME in flags
    return [
        Fact("CA", facts.authority.name),
        Fact("Template", template),
        Fact("Provider", facts.provider or "as the template says"),
        Fact("Hash algorithm", str(configuration.hash_algorithm)),
        Fact("Answers valid for", str(configuration.answer_validity)),
        Fact("NONCE extension", "answered" if SigningFlag.ALLOW_NONCE in flags else "ignored"),
        Fact("Responder identifier", "subject" if by_name else "key hash"),
        Fact("Renewal", "automatic" if SigningFlag.AUTO_ENROLL in flags else "by hand"),
    ]


class ConfigurationPanel(Panel):
    """One configuration, looked at every ten seconds and after each change."""

    def __init__(
        self,
        console: Console,
        *,
        backend: Backend,
        host: HostControl,
        configuration_id: ConfigurationId,
        name: str,
    ) -> None:
        super().__init__(console, name, name="configuration_panel")
        self._backend, self._id = backend, configuration_id
        self.facts: ConfigurationFacts | None = None
        self._actions = ResponderActions(self, backend, host, self.refresh)
        self.fixer = Fixer(self, console, backend, host, configuration_id)
        self.fixer.mended.connect(self.refresh)
        self.banner = InlineBanner("configuration_banner")
        self.path = StatusPath()
        self.path.fix_requested.connect(self.fixer.apply)
        self.timeline = ValidityTimeline()
        self._model = ListTableModel(columns(), identity=lambda row: row.id)
        self.view = TableView(self._model, "signers_table", self.tr("Signing certificates"))
        self.view.set_actions(self._row_actions)
        self.view.row_activated.connect(self._view_signer)
        self.settings = KeyValueGrid()
        self.activity = Activity(host.counters, "configuration_activity")
        self._build()
        self._watch: Watch[ConfigurationFacts] = Watch(
            self,
            console.tasks,
            self.tr("Checking {name}").format(name=name),
            partial(configuration_facts, backend, configuration_id),
            self._show,
            self._failed,
        )
        self.set_header(state=LinkState.UNCHECKED, word=self.tr("Checking…"))
        waiting = [PathLink(link, LinkState.UNCHECKED, "", "Checking…") for link in LinkName]
        self.path.set_links(waiting)

    def _build(self) -> None:
        status = Card()
        status.body.addWidget(self.path)
        validity = Card(self.tr("Validity and renewal"))
        validity.body.addWidget(self.timeline)
        settings = Card(self.tr("Settings"))
        settings.body.addWidget(self.settings)
        settings.body.addStretch(1)
        answers = Card(self.tr("Answers of this responder"))
        answers.body.addWidget(self.activity)
        answers.body.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(Space.L - 2)
        row.addWidget(settings, 1)
        row.addWidget(answers, 1)
        self.body.addWidget(self.banner)
        self.body.addWidget(status)
        self.body.addWidget(validity)
        self.body.addWidget(TableCard(self.tr("Signing certificates"), self.view))
        self.body.addLayout(row)
        self.body.addStretch(1)

    # --- showing ------------------------------------------------------------------------------

    def activated(self) -> None:
        self._watch.start()
        self.activity.start()

    def deactivated(self) -> None:
        self._watch.stop()
        self.activity.stop()

    def refresh(self) -> None:
        self._watch.look()

    def _show(self, facts: ConfigurationFacts) -> None:
        self.facts = facts
        status = facts.status
        self.banner.hide()
        self.set_header(
            title=status.name,
            state=status.state,
            word=status.headline,
            checked_at=status.checked_at,
        )
        self.console.set_node_state(configuration_key(self._id), status.state)
        self.path.set_links(status.links)
        rows = [
            ValidityRow(row.label, row.not_before, row.not_after, row.renew_at, row.state)
            for row in facts.timeline
        ]
        self.timeline.set_rows(rows, facts.read_at)
        self._model.set_rows(facts.signers)
        fit_rows(self.view)
        self.settings.set_facts(setting_facts(facts))
        self._actions.wanted = self._backend_wants(facts)
        self.actions_changed.emit()

    @staticmethod
    def _backend_wants(facts: ConfigurationFacts) -> bool:
        endpoint = next(link for link in facts.status.links if link.name is LinkName.ENDPOINT)
        return endpoint.word != "Stopped"

    def _failed(self, error: SealkeeperError) -> None:
        self.banner.show_error(error)
        if isinstance(error, NotFound):
            self._watch.stop()

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        read = "" if self.facts is not None else self.tr("The configuration is being read.")
        signer = read
        if self.facts is not None and self.facts.current is None:
            signer = self.tr("No signing certificate has been enrolled.")
        group, tr = self.title, self.tr
        specs = (
            ("edit", tr("Edit Properties…"), "edit", self.edit, read),
            (
                "view_signer",
                tr("View Signing Certificate"),
                "certificate",
                self.view_signer,
                signer,
            ),
            ("view_ca", tr("View CA Certificate"), "authority", self.view_authority, read),
            ("renew", tr("Renew Signing Certificate Now"), "renew", self.fixer.enroll, read),
            ("test", tr("Test with a Certificate…"), "test", self.test, read),
        )
        return (
            *(
                ActionSpec(f"configuration.{key}", text, icon, group, call, why)
                for key, text, icon, call, why in specs
            ),
            ActionSpec(
                "configuration.delete", tr("Delete"), "delete", group, self.delete, danger=True
            ),
            *self._actions.specs(),
        )

    def _row_actions(self) -> Sequence[ActionSpec]:
        row: SigningCertificate | None = self.view.selected_row()
        why = "" if row is not None else self.tr("Select a certificate first.")
        return (
            ActionSpec(
                "signer.view",
                self.tr("View Certificate"),
                "certificate",
                self.tr("Signing certificate"),
                lambda: self._view_signer(row),
                why,
            ),
        )

    def _view_signer(self, row: SigningCertificate | None) -> None:
        if row is not None:
            self._view(row.certificate)

    def view_signer(self) -> None:
        """Open the current signing certificate."""
        if self.facts is not None:
            self._view_signer(self.facts.current)

    def view_authority(self) -> None:
        """Open the CA certificate."""
        if self.facts is not None:
            self._view(self.facts.authority.certificate)

    def _view(self, der: bytes) -> None:
        decode, runner = self._backend.enrollment.facts, self.console.tasks
        CertificateDialog(der, decode, runner, self.console.dialog_parent()).open()

    def edit(self) -> None:
        """Open the properties, once what can be chosen is read."""
        self.run(
            self.tr("Reading templates"), choices, self._backend, done=self._open_properties,
            quiet=True,
        )  # fmt: skip

    def _open_properties(self, found: Choices) -> None:
        if self.facts is None:
            return
        dialog = PropertiesDialog(self.console, self._backend, self.facts, found)
        dialog.completed.connect(lambda _changed: self.refresh())
        dialog.open()

    def test(self) -> None:
        """Ask the responder about a certificate, as a client."""
        if self.facts is not None:
            AskDialog(self.console, self._backend).open()

    def delete(self) -> None:
        """Remove the configuration, after a question."""
        confirm_removal(self.console, self.title, self._remove)

    def _remove(self) -> None:
        self.run(
            self.tr("Deleting {name}").format(name=self.title),
            self._backend.responder.remove,
            self._id,
            done=lambda _none: self.console.navigate(CONFIGURATIONS),
        )
