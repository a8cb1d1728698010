"""The wizard by keyboard and mouse: validation, Back, summary, work, failure, cancelling."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from app.domain.errors import InvalidInput, Refused
from app.domain.secret import Secret
from app.gui.forms import check_box, line_edit
from app.gui.widgets.pin_entry import PinEntry
from app.gui.wizard import AsyncCheck, FieldError, Wizard, WizardPage
from tests.gui.conftest import on_main_thread, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytestqt.qtbot import QtBot

    from app.domain.progress import Progress
    from app.gui.tasks import TaskRunner


class NamePage(WizardPage):
    """Asks for a name that may not be empty, and whether there is a password."""

    def build(self) -> None:
        self.name: QLineEdit = line_edit("ca_name")
        self.protected: QCheckBox = check_box("protected", "Protected", checked=True)
        self.form.add_row("Name", self.name, "As it stands in certificates.")
        self.form.add_wide(self.protected)

    def validate(self) -> FieldError | None:
        return None if self.name.text() else FieldError(self.name, "Enter a name.")

    def summary(self) -> Sequence[tuple[str, str]]:
        return (("Name", self.name.text()),)

    def values(self) -> dict[str, Any]:
        return {"name": self.name.text()}


class PinPage(WizardPage):
    """Asks for a PIN that a service checks."""

    def __init__(self, names: NamePage) -> None:
        super().__init__("Password", "The slot's password.")
        self._names = names
        self.checks = 0

    def build(self) -> None:
        self.pin = PinEntry("pin", "Slot password")
        self.form.add_row("Slot password", self.pin)

    def applies(self) -> bool:
        return self._names.protected.isChecked()

    def validate(self) -> AsyncCheck:
        return AsyncCheck(
            "Checking the password", self._check, (self.pin.secret(),), None, self.pin
        )

    def _check(self, secret: Secret) -> None:
        assert not on_main_thread()
        self.checks += 1
        if secret != Secret("1234"):
            raise InvalidInput("The password is wrong.")

    def values(self) -> dict[str, Any]:
        return {"pin": self.pin.secret()}


class Work:
    """The service at the end; fails as often as it is told."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.failures = 0
        self.gate = threading.Event()
        self.gate.set()

    def finish(self, *, progress: Progress, **values: Any) -> str:
        assert not on_main_thread()
        self.calls.append(values)
        progress.report("Opening the slot")
        self.gate.wait(5)
        progress.report("Making the key")
        if self.failures:
            self.failures -= 1
            raise Refused("The token is full.", cause="No memory.", detail="CKR_DEVICE_MEMORY")
        return str(values["name"])


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def wizard(runner: TaskRunner, work: Work, qtbot: QtBot) -> Iterator[Wizard]:
    parent = QWidget()
    qtbot.addWidget(parent)
    names = NamePage("Name", "The CA's name.")
    made = Wizard(
        "Set Up CA",
        [names, PinPage(names)],
        finish=work.finish,
        runner=runner,
        finish_text="Configure",
        working="Setting up the CA",
        result=lambda value: (f"{value} is ready.", [("CA", value)]),
        progress="progress",
        parent=parent,
    )
    made.open()
    yield made
    work.gate.set()
    wait_for(lambda: not runner.running())


def click(wizard: Wizard, button: str) -> None:
    target = {
        "back": wizard.back_button,
        "next": wizard.next_button,
        "cancel": wizard.cancel_button,
    }[button]
    assert target.isEnabled()
    QTest.mouseClick(target, Qt.MouseButton.LeftButton)


def pages(wizard: Wizard) -> tuple[NamePage, PinPage]:
    first, second = wizard.pages
    assert isinstance(first, NamePage)
    assert isinstance(second, PinPage)
    return first, second


def to_summary(wizard: Wizard) -> None:
    names, pins = pages(wizard)
    names.name.setText("Root")
    click(wizard, "next")
    pins.pin.setText("1234")
    click(wizard, "next")
    wait_for(lambda: wizard.title.text() == "Summary")


def test_next_validates_and_says_why_beside_the_field(wizard: Wizard) -> None:
    names, _pins = pages(wizard)
    click(wizard, "next")
    assert wizard.title.text() == "Name"
    sentence = names.findChild(QWidget, "ca_name_error")
    assert sentence is not None
    assert sentence.isVisible()
    assert sentence.property("text") == "Enter a name."
    names.name.setText("R")
    assert not sentence.isVisible()


def test_the_keyboard_is_enough(wizard: Wizard, work: Work, qtbot: QtBot) -> None:
    names, pins = pages(wizard)
    QTest.keyClicks(names.name, "Root")
    QTest.keyClick(names.name, Qt.Key.Key_Return)
    assert wizard.title.text() == "Password"
    QTest.keyClicks(pins.pin, "1234")
    QTest.keyClick(pins.pin, Qt.Key.Key_Return)
    wait_for(lambda: wizard.title.text() == "Summary")
    with qtbot.waitSignal(wizard.completed) as completed:
        QTest.keyClick(wizard, Qt.Key.Key_Return)
    assert completed.args == ["Root"]
    assert work.calls == [{"name": "Root", "pin": Secret("1234")}]
    QTest.keyClick(wizard, Qt.Key.Key_Return)
    wait_for(lambda: not wizard.isVisible())


def test_a_check_by_a_service_stops_next_and_keeps_the_input(wizard: Wizard) -> None:
    names, pins = pages(wizard)
    names.name.setText("Root")
    click(wizard, "next")
    pins.pin.setText("9999")
    click(wizard, "next")
    assert not wizard.next_button.isEnabled()
    wait_for(wizard.next_button.isEnabled)
    assert wizard.title.text() == "Password"
    sentence = pins.findChild(QWidget, "pin_error")
    assert sentence is not None
    assert sentence.property("text") == "The password is wrong."
    assert pins.checks == 1


def test_back_loses_nothing(wizard: Wizard) -> None:
    names, pins = pages(wizard)
    to_summary(wizard)
    click(wizard, "back")
    assert wizard.title.text() == "Password"
    assert pins.pin.text() == "1234"
    click(wizard, "back")
    assert names.name.text() == "Root"
    assert not wizard.back_button.isEnabled()


def test_a_page_that_does_not_apply_is_stepped_over(wizard: Wizard, work: Work) -> None:
    names, _pins = pages(wizard)
    names.name.setText("Root")
    names.protected.setChecked(False)
    click(wizard, "next")
    assert wizard.title.text() == "Summary"
    click(wizard, "next")
    wait_for(lambda: wizard.title.text() == "Done")
    assert work.calls == [{"name": "Root"}]


def test_the_work_is_narrated_and_its_result_told(wizard: Wizard, work: Work) -> None:
    work.gate.clear()
    to_summary(wizard)
    click(wizard, "next")
    assert wizard.title.text() == "Working"
    wait_for(lambda: [s.text for s in wizard.work_page._shown] == ["Opening the slot"])
    work.gate.set()
    wait_for(lambda: wizard.title.text() == "Done")
    assert wizard.work_page.banner.message_label.text() == "Root is ready."
    assert [s.outcome.value for s in wizard.work_page._shown] == ["done", "done"]
    assert not wizard.cancel_button.isVisible()


def test_a_failure_says_what_was_done_and_can_be_tried_again(wizard: Wizard, work: Work) -> None:
    work.failures = 1
    to_summary(wizard)
    click(wizard, "next")
    wait_for(lambda: wizard.title.text() == "Not done")
    steps = [(s.text, s.outcome.value) for s in wizard.work_page._shown]
    assert steps == [("Opening the slot", "done"), ("Making the key", "failed")]
    assert wizard.work_page.banner.message_label.text() == "The token is full."
    assert wizard.work_page.detail.toPlainText() == "CKR_DEVICE_MEMORY"
    assert wizard.next_button.text() == "Try Again"
    click(wizard, "next")
    wait_for(lambda: wizard.title.text() == "Done")
    assert len(work.calls) == 2


def test_after_a_failure_back_leads_to_the_input(wizard: Wizard, work: Work) -> None:
    work.failures = 1
    to_summary(wizard)
    click(wizard, "next")
    wait_for(lambda: wizard.title.text() == "Not done")
    click(wizard, "back")
    assert wizard.title.text() == "Summary"
    click(wizard, "back")
    assert pages(wizard)[1].pin.text() == "1234"


def test_cancel_during_the_work_asks_the_service_to_stop(wizard: Wizard, work: Work) -> None:
    work.gate.clear()
    to_summary(wizard)
    click(wizard, "next")
    wait_for(lambda: bool(work.calls))
    click(wizard, "cancel")
    assert wizard.isVisible()
    assert wizard.title.text() == "Cancelling"
    work.gate.set()
    wait_for(lambda: wizard.title.text() == "Not done")
    assert wizard.cancel_button.isEnabled()
    click(wizard, "cancel")
    wait_for(lambda: not wizard.isVisible())


def test_escape_closes_and_does_nothing(wizard: Wizard, work: Work) -> None:
    QTest.keyClick(wizard, Qt.Key.Key_Escape)
    wait_for(lambda: not wizard.isVisible())
    assert work.calls == []


def test_no_secret_shows_in_the_accessible_tree(wizard: Wizard) -> None:
    to_summary(wizard)
    texts = [w.accessibleName() + w.accessibleDescription() for w in wizard.findChildren(QWidget)]
    assert not any("1234" in text for text in texts)
    assert "1234" not in repr(wizard.values())


def test_every_interactive_widget_has_a_name(wizard: Wizard) -> None:
    unnamed = nameless(wizard)
    assert unnamed == []


def nameless(root: QWidget, skip: Callable[[QWidget], bool] = lambda _w: False) -> list[str]:
    """Widgets that take the keyboard but have no accessible name."""
    return [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in root.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.objectName().startswith("qt_")
        and widget.focusProxy() is None
        and not widget.isHidden()
        and not widget.accessibleName()
        and not isinstance(widget.parent(), QLineEdit)
        and not skip(widget)
    ]
