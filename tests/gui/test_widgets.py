"""The shared widgets say what they are given, in words too, and can be used by keyboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QWidget,
)

from app.domain.errors import InvalidRequest
from app.domain.periods import Period, PeriodUnit
from app.domain.secret import Secret
from app.domain.status import Fix, LinkState
from app.gui.formats import ago, count_text, grouped_hex, local_time, span
from app.gui.forms import CheckGroup, EnumCombo, Form, PeriodEdit
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import ElidedLabel, SearchField
from app.gui.widgets.certificate_dialog import CertificateDialog
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane, Fact, KeyValueGrid
from app.gui.widgets.pin_entry import PinEntry
from app.gui.widgets.state_badge import StateBadge
from app.gui.widgets.status_path import StatusPath
from app.gui.widgets.validity_timeline import TimeScale, ValidityRow, ValidityTimeline
from tests.gui import samples
from tests.gui.conftest import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.domain.certificates import CertificateFacts
    from app.gui.tasks import TaskRunner

NOW = datetime(2026, 11, 22, 14, 7, tzinfo=UTC)


@pytest.fixture
def path(qtbot: QtBot) -> StatusPath:
    made = StatusPath()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    return made


def test_a_sound_path_has_no_banner(path: StatusPath) -> None:
    path.set_links(samples.path(broken=False))
    assert not path.banner.isVisible()
    assert [view.link.word for view in path.views() if view.link][2] == "Signs in 2.1 ms"


def test_a_broken_path_says_why_and_offers_the_fix(path: StatusPath, qtbot: QtBot) -> None:
    path.set_links(samples.path(broken=True))
    assert "has no registered slot" in path.banner.message_label.text()
    assert "Register it for the service account too." in path.banner.hint_label.text()
    with qtbot.waitSignal(path.fix_requested) as asked:
        QTest.mouseClick(path.banner.action_button, Qt.MouseButton.LeftButton)
    assert asked.args == [Fix.REGISTER_SLOT]


def test_details_open_and_can_be_copied(path: StatusPath) -> None:
    path.set_links(samples.path(broken=True))
    QTest.mouseClick(path.banner.second_button, Qt.MouseButton.LeftButton)
    assert path.detail.isVisible()
    QTest.mouseClick(path.copy_button, Qt.MouseButton.LeftButton)
    assert "CKR_TOKEN_NOT_PRESENT" in QGuiApplication.clipboard().text()


def test_links_are_reached_by_keyboard_and_read_out(path: StatusPath) -> None:
    path.set_links(samples.path(broken=True))
    views = path.views()
    assert views[2].accessibleName().startswith("HSM key: Cannot be opened, slot OCSP.")
    views[0].setFocus()
    QTest.keyClick(views[0], Qt.Key.Key_Return)
    assert path.banner.message_label.text() == "CA certificate: Valid"
    assert not path.banner.action_button.isVisible()


@pytest.mark.parametrize("width", [460, 900, 1600])
def test_the_path_fits_every_width(path: StatusPath, width: int) -> None:
    path.set_links(samples.path(broken=True))
    path.resize(width, 400)
    views = path.views()
    assert path.width() == width
    assert all(view.width() >= 84 for view in views)
    assert views[-1].mapTo(path, views[-1].rect().topRight()).x() < width


def test_a_renewed_status_keeps_the_chosen_link(path: StatusPath) -> None:
    path.set_links(samples.path(broken=True))
    path.set_links(samples.path(broken=False))
    assert not path.banner.isVisible()


def test_badge_has_word_color_and_icon(qtbot: QtBot) -> None:
    badge = StateBadge(LinkState.BAD, "Bad signing certificate")
    qtbot.addWidget(badge)
    assert badge.accessibleName() == "State: Bad signing certificate"
    badge.set_state(LinkState.OK, "")
    assert badge.isHidden()


def test_timeline_tells_its_rows_to_assistive_tools(qtbot: QtBot) -> None:
    timeline = ValidityTimeline()
    qtbot.addWidget(timeline)
    hour = timedelta(hours=1)
    timeline.set_rows([ValidityRow("CRL 14", NOW - hour, NOW + hour, NOW + hour / 2)], NOW)
    assert "CRL 14: valid from" in timeline.accessibleDescription()
    assert "renewed at" in timeline.accessibleDescription()


def test_time_scale_keeps_order_and_shows_the_short_beside_the_long() -> None:
    day = timedelta(days=1)
    rows = (
        ValidityRow("CA", NOW - 500 * day, NOW + 2000 * day),
        ValidityRow("Delta CRL", NOW - day / 24, NOW + day / 24),
    )
    scale = TimeScale(rows, NOW)
    assert not scale.linear
    moments = [-500 * 86400, -3600, 0, 3600, 2000 * 86400]
    places = [scale.at(seconds) for seconds in moments]
    assert places == sorted(places)
    assert places[0] == pytest.approx(0.0)
    assert places[-1] == pytest.approx(1.0)
    assert places[3] - places[1] > 0.1
    ticks = scale.ticks(0.1)
    assert ticks
    assert all(abs(scale.at(a) - scale.at(b)) > 0.1 for a in ticks for b in ticks if a is not b)


def test_time_scale_of_what_has_ended_or_not_begun() -> None:
    hour = timedelta(hours=1)
    for rows in ((ValidityRow("old", NOW - 3 * hour, NOW - hour),), ()):
        scale = TimeScale(rows, NOW)
        assert 0.0 <= scale.at(-3600) <= scale.at(0) <= scale.at(3600) <= 1.0


def test_pin_entry_gives_the_secret_away_once(qtbot: QtBot) -> None:
    entry = PinEntry("pin", "Slot password")
    qtbot.addWidget(entry)
    QTest.keyClicks(entry, "s3cret")
    assert entry.echoMode() is QLineEdit.EchoMode.Password
    assert "s3cret" not in entry.displayText()
    face = QAccessible.queryAccessibleInterface(entry)
    assert "s3cret" not in face.text(QAccessible.Text.Value)
    assert face.text(QAccessible.Text.Name) == "Slot password"
    assert entry.take() == Secret("s3cret")
    assert entry.is_empty()


def test_confirm_needs_the_name_where_it_matters(qtbot: QtBot) -> None:
    done: list[bool] = []
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = ConfirmDialog(
        "Delete?",
        "It is gone then.",
        "Delete",
        lambda: done.append(True),
        typed="CA",
        parent=parent,
    )
    dialog.open()
    assert not dialog.confirm_button.isEnabled()
    QTest.keyClicks(dialog.entry, "CA")
    QTest.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    assert done == [True]


def test_cancelled_confirmation_does_nothing(qtbot: QtBot) -> None:
    done: list[bool] = []
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = ConfirmDialog("Stop?", "", "Stop", lambda: done.append(True), parent=parent)
    dialog.open()
    cancel = dialog.findChild(QPushButton, "confirm_cancel")
    assert cancel is not None
    cancel.click()
    assert done == []


def test_return_does_no_harm_where_nothing_is_typed(qtbot: QtBot) -> None:
    done: list[bool] = []
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    dialog = ConfirmDialog("Stop?", "", "Stop", lambda: done.append(True), parent=parent)
    dialog.open()
    wait_for(dialog.cancel_button.hasFocus)
    QTest.keyClick(dialog.cancel_button, Qt.Key.Key_Return)
    assert done == []
    assert dialog.result() == QDialog.DialogCode.Rejected


@pytest.fixture
def certificate(runner: TaskRunner, qtbot: QtBot) -> Iterator[CertificateDialog]:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = CertificateDialog(b"\x30\x03\x02\x01\x05", samples.facts, runner, parent)
    dialog.open()
    wait_for(lambda: dialog.facts is not None)
    yield dialog
    dialog.accept()


def test_certificate_shows_fields_and_extensions(certificate: CertificateDialog) -> None:
    assert certificate.name.text() == "ocspserv.example.org"
    model = certificate.table.table_model
    names = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert names[:3] == ["Version", "Serial number", "Signature algorithm"]
    assert {"Enhanced Key Usage", "Key Usage", "Thumbprint SHA-256"} <= set(names)
    certificate.table.select_id(model.id_at(names.index("Key Usage")))
    assert "2.5.29.15, critical" in certificate.value.toPlainText()


def test_certificate_is_copied_and_saved_as_pem(
    certificate: CertificateDialog, tmp_path: Path, runner: TaskRunner
) -> None:
    certificate.copy_pem()
    pem = "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n"
    assert QGuiApplication.clipboard().text() == pem
    certificate.ask_save()
    chooser = certificate.findChild(QFileDialog, "export_dialog")
    assert chooser is not None
    chooser.fileSelected.emit(str(tmp_path / "c.pem"))
    chooser.close()
    wait_for(lambda: not runner.running())
    assert (tmp_path / "c.pem").read_text() == pem


def test_what_is_no_certificate_says_so(runner: TaskRunner, qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)

    def refuse(_der: bytes) -> CertificateFacts:
        raise InvalidRequest("This is no certificate.")

    dialog = CertificateDialog(b"", refuse, runner, parent)
    dialog.open()
    wait_for(dialog.banner.isVisible)
    assert dialog.banner.message_label.text() == "This is no certificate."
    dialog.accept()


def test_facts_change_in_place(qtbot: QtBot) -> None:
    grid = KeyValueGrid([Fact("State", "Working", state=LinkState.OK), Fact("Name", "a")])
    qtbot.addWidget(grid)
    before = list(grid._values)
    grid.set_facts([Fact("State", "Stopped", state=LinkState.BAD), Fact("Name", "b")])
    assert grid._values == before
    assert grid._values[1].accessibleName() == "Name: b"
    grid.set_facts([Fact("Other", "c")])
    assert len(grid._values) == 1


def test_detail_pane_says_when_nothing_is_selected(qtbot: QtBot) -> None:
    pane = DetailPane("Select a slot.")
    qtbot.addWidget(pane)
    pane.show_details("OCSP", [Fact("Serial", "8a31")], LinkState.OK, "Ready")
    assert pane.name_label.text() == "OCSP"
    pane.clear()
    assert pane.name_label.text() == "Select a slot."
    assert pane.grid.isHidden()


def test_a_wide_fact_has_a_row_to_itself(qtbot: QtBot) -> None:
    facts = [Fact("a", "1"), Fact("path", "/x", wide=True), Fact("b", "2"), Fact("c", "3")]
    grid = KeyValueGrid(facts, columns=2)
    qtbot.addWidget(grid)
    layout = grid.layout()
    assert isinstance(layout, QGridLayout)
    places = [layout.getItemPosition(layout.indexOf(value)) for value in grid._values]
    assert places == [(0, 1, 1, 1), (1, 1, 1, 3), (2, 1, 1, 1), (2, 3, 1, 1)]


def test_many_details_scroll_instead_of_making_the_window_higher(qtbot: QtBot) -> None:
    pane = DetailPane("Select a slot.")
    qtbot.addWidget(pane)
    pane.show_details("OCSP", [Fact(f"fact {n}", "value") for n in range(80)])
    pane.resize(600, 200)
    pane.show()
    area = pane.findChildren(QScrollArea)[0]
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert pane.minimumSizeHint().height() < 200
    assert pane.sizeHint().height() < 400


def test_banner_says_and_does(qtbot: QtBot) -> None:
    banner = InlineBanner()
    qtbot.addWidget(banner)
    done: list[str] = []
    banner.show_message(None, "Message", "Hint", action=("Do", lambda: done.append("do")))
    assert banner.action_button.text() == "Do"
    banner.action_button.click()
    assert done == ["do"]
    assert banner.second_button.isHidden()
    assert banner.accessibleName() == "Message Hint"


def test_search_waits_for_the_end_of_typing(qtbot: QtBot) -> None:
    field = SearchField("Filter", "filter")
    qtbot.addWidget(field)
    heard: list[str] = []
    field.searched.connect(heard.append)
    with qtbot.waitSignal(field.searched, timeout=2000):
        QTest.keyClicks(field, "abc")
    assert heard == ["abc"]
    field.clear()
    assert heard == ["abc", ""]


def test_long_lines_are_elided_with_the_whole_as_tooltip(qtbot: QtBot) -> None:
    label = ElidedLabel("a rather long line that does not fit at all")
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show()
    assert label.text().endswith("…")
    assert label.toolTip() == label.text_whole()
    label.set_text("<img src=x> a token's label that is no markup & does not fit")
    assert label.toolTip().startswith("<qt>&lt;img src=x&gt; a token&#x27;s label")
    assert "no markup &amp; does" in label.toolTip()


def test_period_edit_round_trip(qtbot: QtBot) -> None:
    edit = PeriodEdit("validity", Period(2, PeriodUnit.WEEKS))
    qtbot.addWidget(edit)
    assert edit.period() == Period(2, PeriodUnit.WEEKS)
    with qtbot.waitSignal(edit.changed):
        edit.set_period(Period(4, PeriodUnit.HOURS))
    assert str(edit.period()) == "4 hours"


def test_enum_combo_and_check_group(qtbot: QtBot) -> None:
    combo = EnumCombo("state", {LinkState.OK: "Good", LinkState.BAD: "Bad"}, LinkState.BAD)
    group = CheckGroup("usage", (("a", "A"), ("b", "B")), ("b",))
    qtbot.addWidget(combo)
    qtbot.addWidget(group)
    assert combo.value() is LinkState.BAD
    assert group.checked() == ("b",)
    group.boxes["a"].click()
    assert group.checked() == ("a", "b")


def test_form_hides_rows_with_their_labels(qtbot: QtBot) -> None:
    form = Form()
    qtbot.addWidget(form)
    field = QLineEdit()
    field.setObjectName("field")
    form.add_row("Name", field, "A hint.")
    form.set_error(field, "Wrong.")
    form.show()
    form.set_row_visible(field, False)
    assert not [w for w in form.findChildren(QWidget) if w.isVisible()]
    form.set_row_visible(field, True)
    assert field.isVisible()
    assert field.accessibleName() == "Name"


def test_formats() -> None:
    assert span(timedelta(hours=4, minutes=12, seconds=3)) == "4 h 12 min"
    assert span(timedelta(days=400)) == "1 y 35 d"
    assert span(timedelta(days=364)) == "364 d"
    assert span(timedelta(0)) == "0 s"
    assert ago(NOW, NOW) == "just now"
    assert ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert grouped_hex("611262e4") == "6112 62e4"
    assert count_text(1_000_000) == "1\u202f000\u202f000"
    assert local_time(NOW).startswith("2026-11-2")
