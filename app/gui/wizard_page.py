"""What a page of the wizard is, and what its validation may answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.forms import Form
from app.gui.theme import Space

if TYPE_CHECKING:
    from app.gui.wizard import Wizard


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: the sentence appears below it."""

    field: QWidget
    sentence: str


@dataclass(frozen=True, slots=True)
class AsyncCheck:
    """A validation that has to ask a service.

    Attributes:
        label: what is being checked, shown beside a running bar.
        function: Qt-free; called in a task thread; raises a SealkeeperError when it says no.
        args: its arguments.
        done: called on the main thread with the result, before the next page is shown.
        field: the field below which the error's message appears; None: in a banner line.
        executor: the executor's name.
    """

    label: str
    function: Callable[..., Any]
    args: tuple[object, ...] = ()
    done: Callable[[Any], None] | None = None
    field: QWidget | None = None
    executor: str = "general"


class WizardPage(QWidget):
    """One page; subclasses override `build` and what else they need.

    `form` is there for labelled fields, `body` for anything below it. Pages keep their widgets,
    so that Back never loses input. `wizard` is set before `build`. `step` is what the list of
    steps calls the page where its title is too long for that.
    """

    def __init__(self, title: str, subtitle: str, *, step: str = "") -> None:
        super().__init__()
        self.title = title
        self.step = step or title
        self.subtitle = subtitle
        self.form = Form()
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.M)
        self.wizard: Wizard | None = None
        self.setProperty("look", "scrolled")
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.S, Space.XL, Space.L)
        column.setSpacing(Space.M)
        column.addWidget(self.form)
        column.addLayout(self.body)
        column.addStretch(1)

    def build(self) -> None:
        """Make the fields; called once, when the wizard is made."""

    def entered(self) -> None:
        """The page is shown, by Next or by Back; fill in what depends on earlier pages."""

    def applies(self) -> bool:
        """Whether the page is needed, given the earlier ones; others are stepped over."""
        return True

    def validate(self) -> str | FieldError | AsyncCheck | None:
        """None when Next may go on, a sentence or a FieldError when not, or a check to run."""
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        """Lines of (what, value) for the last page."""
        return ()

    def values(self) -> dict[str, Any]:
        """What the page contributes to `finish`; PINs as `Secret`."""
        return {}
