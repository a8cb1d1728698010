"""The page Event log: what happened, newest first, who did it, and to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.events import Event, EventLevel
from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.formats import local_time
from app.gui.panel import Panel
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Align, Column, ListTableModel
from app.gui.widgets.basics import EmptyState, label
from app.gui.widgets.key_values import DetailPane, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.gui.panel import Console
    from app.services.backend import Backend

PAGE = 500
_STATES = {
    EventLevel.INFORMATION: None,
    EventLevel.WARNING: LinkState.WARNING,
    EventLevel.ERROR: LinkState.BAD,
}
_ICONS = {
    EventLevel.INFORMATION: "info",
    EventLevel.WARNING: "warning",
    EventLevel.ERROR: "bad",
}


def number_text(event: Event) -> str:
    """Microsoft's number, where the event has one."""
    return str(event.number) if event.number else ""


def columns() -> tuple[Column[Event], ...]:
    """The columns of the log."""
    return (
        Column(
            "level",
            "Level",
            lambda event: event.level.value.capitalize(),
            icon=lambda event: _ICONS[event.level],
            width=116,
        ),
        Column(
            "at",
            "Date and time",
            lambda event: local_time(event.at, seconds=True, zone=False),
            order=lambda event: event.at,
            width=152,
        ),
        Column("source", "Source", lambda event: event.source, width=152),
        Column(
            "number",
            "Event",
            number_text,
            order=lambda event: event.number,
            width=56,
            align=Align.RIGHT,
        ),
        Column("message", "Message", lambda event: event.message, width=180, stretch=True),
    )


def newest(backend: Backend, count: int) -> tuple[Event, ...]:
    """The newest events, newest first; blocks."""
    found: list[Event] = []
    while len(found) < count:
        page = backend.events.page(PAGE, found[-1].id if found else None)
        found.extend(page)
        if len(page) < PAGE:
            break
    return tuple(found[:count])


class EventLogPanel(Panel):
    """The newest events; older ones on demand."""

    def __init__(self, console: Console, backend: Backend) -> None:
        super().__init__(console, "Event log", scroll=False, name="event_log_panel")
        self._backend = backend
        self._wanted = PAGE
        self._may_have_more = False
        self._model = ListTableModel(columns(), identity=lambda event: event.id)
        self.view = TableView(self._model, "event_table", self.tr("Events"))
        self.view.set_actions(self.actions)
        self.view.set_empty_state(
            EmptyState("event", self.tr("Nothing has happened yet, or nothing fits the filter."))
        )
        self.view.row_selected.connect(self._selected)
        self.detail = DetailPane(self.tr("Select an event to read it in full."))
        self.message = label("", wrap=True, selectable=True)
        self.message.setObjectName("event_message")
        self.message.hide()
        self.detail.body.addWidget(self.message)
        self.body.addWidget(
            TableCard(self.tr("Events"), self.view, search=self.tr("Filter events")), 1
        )
        self.body.addWidget(self.detail)

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        why = "" if self._may_have_more else self.tr("All events are shown.")
        group = self.tr("Event log")
        chosen = "" if self.view.selected_count() else self.tr("Select an event first.")
        return (
            ActionSpec(
                "event.copy", self.tr("Copy Event"), "copy", group, self.view.copy_rows, chosen
            ),
            ActionSpec("event.older", self.tr("Load Older"), "clock", group, self.load_older, why),
        )

    def refresh(self) -> None:
        self.run(
            self.tr("Loading events"),
            newest,
            self._backend,
            self._wanted,
            done=self._show,
            supersede="load",
            quiet=True,
        )

    def load_older(self) -> None:
        """Show one page more."""
        self._wanted += PAGE
        self.refresh()

    def _show(self, events: tuple[Event, ...]) -> None:
        self._may_have_more = len(events) >= self._wanted
        self._model.set_rows(events)
        self.actions_changed.emit()

    def _selected(self, event: Event | None) -> None:
        self.actions_changed.emit()
        if event is None:
            self.detail.clear()
            self.message.hide()
            return
        self.message.setText(event.message)
        self.message.show()
        facts = [
            Fact(self.tr("Date and time"), local_time(event.at, seconds=True)),
            Fact(self.tr("Account"), event.account),
            Fact(self.tr("Source"), event.source),
            Fact(self.tr("About"), event.subject or "\N{EN DASH}"),
        ]
        state = _STATES[event.level]
        number = number_text(event)
        title = self.tr("Event {number}").format(number=number) if number else event.source
        word = event.level.value.capitalize() if state is not None else ""
        self.detail.show_details(title, facts, state, word)
