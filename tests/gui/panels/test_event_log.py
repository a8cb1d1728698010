"""The page Event log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.events import EventLevel
from app.gui.panels.event_log import nodes
from app.gui.panels.event_log.panel import EventLogPanel
from tests.gui.panels.shell import Shell, shell

if TYPE_CHECKING:
    import pytest

__all__ = ["shell"]


def opened(shell: Shell) -> EventLogPanel:
    for spec in nodes(shell.backend):
        shell.window.add_node(spec)
    panel = shell.open("event_log")
    assert isinstance(panel, EventLogPanel)
    return panel


def test_newest_first_with_filter_and_detail(shell: Shell) -> None:
    events = shell.backend.events
    events.record(EventLevel.INFORMATION, "Services", 0, "The first thing.")
    events.record(EventLevel.ERROR, "Online Responder", 34, "It went wrong.", subject="Test")
    panel = opened(shell)
    model = panel.view.table_model
    newest = model.row_at(0)
    assert newest is not None
    assert newest.message == "It went wrong."
    panel.view.selectRow(0)
    assert panel.message.text() == "It went wrong."
    assert panel.detail.badge.word == "Error"
    assert panel.detail.name_label.text() == "Event 34"
    model.set_search("first thing")
    assert model.rowCount() == 1
    shell.settle()
    assert not shell.action("event_older").isEnabled()


def test_older_events_come_on_demand(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.gui.panels.event_log.panel.PAGE", 3)
    for number in range(8):
        shell.backend.events.record(EventLevel.WARNING, "Services", 0, f"Event {number}.")
    panel = opened(shell)
    panel._wanted = 3
    panel.refresh()
    shell.settle()
    model = panel.view.table_model
    assert model.rowCount() == 3
    shell.click("action_event_older")
    assert model.rowCount() == 6
    shown = [model.row_at(row) for row in range(6)]
    assert [event.message for event in shown if event is not None][-1] == "Event 2."
