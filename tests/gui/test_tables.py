"""Tables: short lists, windows onto a million rows, selection, sorting, copying."""

from __future__ import annotations

import threading
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from app.domain.status import LinkState
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel, WindowTableModel
from app.gui.widgets.basics import EmptyState
from tests.gui.conftest import on_main_thread, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytestqt.qtbot import QtBot

    from app.gui.tasks import TaskRunner

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate as a list shows it."""

    id: int
    name: str


COLUMNS = (
    Column[Row]("id", "Request", lambda row: str(row.id), sort_key="id", order=lambda row: row.id),
    Column[Row](
        "name",
        "Name",
        lambda row: row.name,
        state=lambda row: LinkState.OK if row.id % 2 else LinkState.BAD,
        sort_key="name",
        stretch=True,
    ),
)


class Numbers:
    """A page source over 1…count, that tells what it was asked and never answers the GUI thread."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[tuple[str, bool, str]] = []
        self.pages = 0
        self.gone: set[int] = set()
        self.prefix = "row"
        self.gate = threading.Event()
        self.gate.set()

    def ids(self, sort: str, descending: bool, search: str) -> array[int]:
        assert not on_main_thread()
        self.asked.append((sort, descending, search))
        numbers = range(self.count, 0, -1) if descending else range(1, self.count + 1)
        if search:
            return array("q", [n for n in numbers if search in str(n)])
        return array("q", numbers)

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        assert not on_main_thread()
        self.gate.wait(5)
        self.pages += 1
        return {n: Row(n, f"{self.prefix} {n}") for n in ids if n not in self.gone}


def show(view: TableView, qtbot: QtBot) -> None:
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()


@pytest.fixture
def listed(qtbot: QtBot) -> TableView:
    model = ListTableModel(COLUMNS, identity=lambda row: row.id)
    view = TableView(model, "rows", "Rows")
    model.set_rows([Row(n, f"name {10 - n}") for n in range(1, 6)])
    show(view, qtbot)
    return view


def click_header(view: TableView, column: int) -> None:
    header = view.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
    QTest.mouseClick(
        header.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place
    )


def first_cell(view: TableView, column: int = 0) -> str:
    return str(view.table_model.index(0, column).data())


def test_a_click_on_a_heading_sorts_and_a_second_turns_round(listed: TableView) -> None:
    click_header(listed, 1)
    assert first_cell(listed) == "5"
    click_header(listed, 1)
    assert first_cell(listed) == "1"


def test_the_selection_survives_new_rows(listed: TableView) -> None:
    assert listed.select_id(3)
    model = listed.table_model
    assert isinstance(model, ListTableModel)
    model.set_rows([Row(n, "new") for n in range(5, 1, -1)])
    assert listed.selected_row() == Row(3, "new")
    model.set_rows([Row(1, "only")])
    assert listed.selected_row() is None


def test_rows_are_copied_as_lines_of_cells(listed: TableView) -> None:
    listed.selectRow(1)
    listed.setFocus()
    QTest.keyClick(listed, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "2\tname 8"


def test_return_opens_the_row(listed: TableView, qtbot: QtBot) -> None:
    listed.selectRow(2)
    with qtbot.waitSignal(listed.row_activated) as opened:
        QTest.keyClick(listed, Qt.Key.Key_Return)
    assert opened.args == [Row(3, "name 7")]


def test_home_and_end_select_the_first_and_the_last_row(listed: TableView) -> None:
    listed.selectRow(2)
    QTest.keyClick(listed, Qt.Key.Key_End)
    assert listed.selected_row() == Row(5, "name 5")
    QTest.keyClick(listed, Qt.Key.Key_Home)
    assert listed.selected_row() == Row(1, "name 9")


@pytest.mark.parametrize(
    ("key", "row"), [(Qt.Key.Key_Down, 1), (Qt.Key.Key_Home, 1), (Qt.Key.Key_End, 5)]
)
def test_the_first_key_after_tab_selects(listed: TableView, key: Qt.Key, row: int) -> None:
    listed.setCurrentIndex(listed.table_model.index(0, 0))
    listed.clearSelection()
    QTest.keyClick(listed, key)
    assert listed.selected_row().id == row


def test_home_selects_the_first_row_of_a_window_too(runner: TaskRunner, qtbot: QtBot) -> None:
    model = WindowTableModel(COLUMNS, Numbers(MILLION), runner)
    view = TableView(model, "rows", "Rows")
    show(view, qtbot)
    model.reload()
    wait_for(lambda: model.rowCount() == MILLION)
    QTest.keyClick(view, Qt.Key.Key_Home)
    wait_for(lambda: view.selected_row() == Row(1, "row 1"))


def test_an_empty_list_says_so(qtbot: QtBot) -> None:
    model = ListTableModel(COLUMNS)
    view = TableView(model, "rows", "Rows")
    pressed: list[bool] = []
    empty = EmptyState("key", "No key yet.", "Make One", lambda: pressed.append(True))
    view.set_empty_state(empty)
    show(view, qtbot)
    assert empty.isVisible()
    empty.action_button.click()
    assert pressed == [True]
    model.set_rows([Row(1, "one")])
    assert not empty.isVisible()


def test_the_filter_line_filters_and_counts(qtbot: QtBot) -> None:
    model = ListTableModel(COLUMNS)
    view = TableView(model, "rows", "Rows")
    model.set_rows([Row(n, f"name {n}") for n in range(1, 40)])
    card = TableCard("Rows", view, search="Filter")
    qtbot.addWidget(card)
    card.show()
    assert card.count_label.text() == "39"
    assert card.search is not None
    QTest.keyClicks(card.search, "NAME 39")
    QTest.keyClick(card.search, Qt.Key.Key_Return)
    assert card.count_label.text() == "1"
    assert first_cell(view) == "39"


def test_pages_come_from_a_worker_and_are_kept(runner: TaskRunner, qtbot: QtBot) -> None:
    source = Numbers(100_000)
    model = WindowTableModel(COLUMNS, source, runner)
    view = TableView(model, "rows", "Rows")
    show(view, qtbot)
    source.gate.clear()
    model.reload()
    wait_for(lambda: model.rowCount() == 100_000)
    assert first_cell(view, 1) == "…"
    source.gate.set()
    wait_for(lambda: first_cell(view, 1) == "row 1")
    asked = source.pages
    assert first_cell(view, 1) == "row 1"
    view.scrollToBottom()
    wait_for(lambda: model.index(99_999, 1).data() == "row 100000")
    assert source.pages > asked
    assert len(model._pages) <= 64


def test_no_more_than_64_pages_are_kept(runner: TaskRunner) -> None:
    model = WindowTableModel(COLUMNS, Numbers(100_000), runner)
    model.reload()
    wait_for(lambda: model.rowCount() == 100_000)
    for page in range(0, 100, 10):
        for number in range(page, page + 10):
            model.row_at(number * 200)
        wait_for(lambda: not model._asked)
    assert len(model._pages) == 64
    model.deleteLater()


def test_pages_of_an_older_generation_are_dropped(runner: TaskRunner) -> None:
    source = Numbers(1000)
    model = WindowTableModel(COLUMNS, source, runner)
    model.reload()
    wait_for(lambda: model.rowCount() == 1000)
    source.gate.clear()
    model.row_at(0)
    wait_for(lambda: bool(runner.running()))
    model.sort(0, Qt.SortOrder.DescendingOrder)
    wait_for(lambda: model.id_at(0) == 1000)
    source.gate.set()
    wait_for(lambda: not runner.running())
    assert model._pages == {}
    assert source.asked[-1] == ("id", True, "")
    model.deleteLater()


def test_search_goes_to_the_source(runner: TaskRunner) -> None:
    source = Numbers(1000)
    model = WindowTableModel(COLUMNS, source, runner)
    model.set_search("99")
    wait_for(lambda: model.rowCount() == 19)
    model.deleteLater()


def test_changed_rows_are_fetched_again_in_place(runner: TaskRunner) -> None:
    source = Numbers(1000)
    model = WindowTableModel(COLUMNS, source, runner)
    model.reload()
    wait_for(lambda: model.rowCount() == 1000)
    model.row_at(0)
    wait_for(lambda: model.row_at(0) == Row(1, "row 1"))
    source.prefix = "revoked"
    model.rows_changed([5])
    wait_for(lambda: model.row_at(0) == Row(1, "revoked 1"))
    model.deleteLater()


@pytest.mark.bound
def test_selecting_a_million_rows_is_quick(runner: TaskRunner, qtbot: QtBot) -> None:
    model = WindowTableModel(COLUMNS, Numbers(MILLION), runner)
    view = TableView(model, "rows", "Rows")
    show(view, qtbot)
    model.reload()
    wait_for(lambda: model.rowCount() == MILLION)
    wait_for(lambda: not runner.running())
    began = time.perf_counter()
    view.selectAll()
    view.horizontalHeader().repaint()
    view.viewport().repaint()
    count = view.selected_count()
    took = time.perf_counter() - began
    assert count == MILLION
    assert took < 0.1, f"{took:.3f} s"
