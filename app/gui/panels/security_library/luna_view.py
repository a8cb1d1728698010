"""What the Luna Client page consists of: it loads a file and shows it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.luna_cards import ProblemsCard, TasksCard
from app.gui.panels.security_library.luna_facts import (
    COLUMNS,
    LunaPage,
    file_facts,
    load_page,
    setting_identity,
    setting_text,
)
from app.gui.table_view import ROW_HEIGHT, TableCard, TableView
from app.gui.tables import ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card, EmptyState, label
from app.gui.widgets.key_values import Fact, KeyValueGrid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.domain.errors import SealkeeperError
    from app.domain.luna import ClientTask, LunaConfiguration, Setting
    from app.gui.actions import ActionSpec
    from app.services.backend import Backend

_LEAST_ROWS, _MOST_ROWS = 3, 14


class LunaView(Panel):
    """One configuration file: its facts, the guide's tasks, and every setting.

    What can be done with it is the subclass's.
    """

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "Luna Client", name="luna_panel")
        self._backend = backend
        self._path: Path | None = None
        self._version = ""
        self._found: tuple[Path, ...] = ()
        self._configuration: LunaConfiguration | None = None
        self.banner = InlineBanner("luna_banner")
        self.empty = Card()
        self.empty.body.addWidget(
            EmptyState(
                "settings",
                self.tr(
                    "No configuration of a Luna client was found: ChrystokiConfigurationPath is "
                    "not set, and the usual places have no Chrystoki.conf or crystoki.ini. Open "
                    "the file of the client, or look at a Luna Cloud HSM minimum client."
                ),
                self.tr("Open File…"),
                self.open_file,
                name="luna_empty",
            )
        )
        self.file_card = Card(self.tr("Configuration file"))
        self.facts = KeyValueGrid(columns=2)
        self.place = KeyValueGrid()
        self.file_card.body.addWidget(self.place)
        self.file_card.body.addWidget(self.facts)
        self.tasks_card = TasksCard()
        self.tasks_card.wanted.connect(self.want)
        self.problems_card = ProblemsCard()
        self._make_settings()
        for widget in (
            self.banner,
            self.empty,
            self.file_card,
            self.problems_card,
            self.tasks_card,
            self.settings_card,
        ):
            self.body.addWidget(widget)
            widget.hide()
        self.body.addStretch(1)

    def _make_settings(self) -> None:
        self.model = ListTableModel(COLUMNS, identity=setting_identity)
        self.view = TableView(self.model, "luna_settings", self.tr("Settings"))
        self.view.set_actions(self.setting_actions)
        self.view.set_empty_state(EmptyState("file", self.tr("No setting.")))
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(self.edit)
        self.settings_card = TableCard(
            self.tr("Settings"), self.view, search=self.tr("Filter settings")
        )
        self.detail = label("", "muted", wrap=True, selectable=True)
        self.detail.setObjectName("luna_setting_detail")
        self.detail.hide()
        self.settings_card.body.addWidget(self.detail)
        self.model.modelReset.connect(self._fit_rows)

    # --- for the subclass -------------------------------------------------------------------

    @abstractmethod
    def open_file(self) -> None:
        """Let the user choose another file."""

    @abstractmethod
    def want(self, task: ClientTask) -> None:
        """Do a task, or ask for what it needs."""

    @abstractmethod
    def edit(self, row: Setting | None) -> None:
        """Change a setting."""

    @abstractmethod
    def setting_actions(self) -> Sequence[ActionSpec]:
        """What can be done with the settings now."""

    # --- loading ----------------------------------------------------------------------------

    def refresh(self) -> None:
        self.run(
            self.tr("Reading the Luna client's configuration"),
            load_page,
            self._backend,
            self._path,
            self._version,
            done=self._loaded,
            failed=self._not_loaded,
            supersede="load",
        )

    def _not_loaded(self, error: SealkeeperError) -> None:
        self._path, self._configuration = None, None
        self._show_parts()
        self.banner.show_error(error)
        self.set_header(state=LinkState.BAD, word=self.tr("Cannot be read"))

    def _loaded(self, page: LunaPage) -> None:
        self._found, self._configuration = page.found, page.configuration
        self._show_parts()
        configuration = page.configuration
        if configuration is None:
            self.set_header()
            self.actions_changed.emit()
            return
        self.place.set_facts([Fact(self.tr("File"), str(configuration.path))])
        self.facts.set_facts(file_facts(configuration))
        self.problems_card.show_problems(configuration.problems)
        self.tasks_card.show_tasks(configuration.tasks, configuration.not_writable)
        self.model.set_rows(configuration.settings)
        if configuration.problem:
            self.banner.show_message(LinkState.BAD, configuration.problem)
            self.set_header(state=LinkState.BAD, word=self.tr("Cannot be understood"))
        elif configuration.problems:
            self.set_header(state=LinkState.WARNING, word=self.tr("Worth a look"))
        else:
            self.set_header(state=LinkState.OK, word=self.tr("Readable"))
        self.actions_changed.emit()

    def _show_parts(self) -> None:
        there = self._configuration is not None
        whole = self._configuration is not None and not self._configuration.problem
        self.empty.setVisible(not there)
        self.file_card.setVisible(there)
        self.tasks_card.setVisible(whole)
        self.settings_card.setVisible(whole)
        if not whole:
            self.problems_card.hide()

    def _selected(self, row: Setting | None) -> None:
        """Below the table, the selected setting in full."""
        self.detail.setVisible(row is not None)
        if row is not None:
            self.detail.setText(setting_text(row))
        self.actions_changed.emit()

    def _fit_rows(self) -> None:
        """As high as its rows, so that the page scrolls before the table does."""
        rows = min(max(self.model.rowCount(), _LEAST_ROWS), _MOST_ROWS)
        self.view.setFixedHeight((rows + 1) * ROW_HEIGHT + 2)

    def deactivated(self) -> None:
        self.banner.hide()
