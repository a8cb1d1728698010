"""Takes pictures of the console: of every page of a wizard on the way, and of what it is told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.gui.theme import ThemeMode
from app.gui.wizard import Wizard
from tests.e2e.hands import Hands

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QPixmap

    from app.gui.console import ConsoleSession

WIDTH, HEIGHT = 1440, 860
_QUIET_MS = 200
_REPAINT_MS = 50
#: Qt's scale for PNG: 0 is the smallest file.
_SMALLEST = 0
_COLOURS, _HUES = 256, 128


def few_colours(image: QImage) -> QImage:
    """The same in 256 colours, without dots: a quarter of the bytes.

    First comes one colour of every hue that there is, so that a small icon keeps its own; the
    rest are the colours that it has most of.
    """
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = memoryview(plain.constBits()).cast("B").cast("I")
    ranked = [colour for colour, _ in Counter(pixels).most_common()]
    hues: dict[int, int] = {}
    for colour in ranked:
        hues.setdefault(colour & 0xE0E0E0, colour)
    table = list(dict.fromkeys([*list(hues.values())[:_HUES], *ranked]))[:_COLOURS]
    return plain.convertToFormat(
        QImage.Format.Format_Indexed8, table, Qt.ImageConversionFlag.AvoidDither
    )


class Photographer(Hands):
    """Hands with a camera.

    Args:
        session: the console's.
        folder: where the pictures go.
        both: whether `shoot` takes pages and wizards in the dark too, named `…-dark`.
    """

    def __init__(self, session: ConsoleSession, folder: Path, *, both: bool = False) -> None:
        super().__init__(session)
        self._folder = folder
        self._both = both
        self.taken: list[str] = []

    def rest(self) -> None:
        """Let what runs end, and everything be laid out and painted."""
        self.wait(lambda: not self.session.runner.running(), "the tasks to end")
        QTest.qWait(_QUIET_MS)
        self.wait(lambda: not self.session.runner.running(), "the tasks to end")
        QTest.qWait(_REPAINT_MS)

    def shoot(self, name: str, widget: QWidget | None = None) -> None:
        """A picture of a widget, else of the dialog in front, else of the window."""
        self.rest()
        shown = widget or QApplication.activeModalWidget() or self.window
        if shown is self.window:
            size = (shown.width(), shown.height())
            assert size == (WIDTH, HEIGHT), f"for {name} the window became {size}"
        self._keep(name, shown.grab())
        if self._both and (shown is self.window or isinstance(shown, Wizard)):
            self.theme(ThemeMode.DARK)
            QTest.qWait(_REPAINT_MS)
            self._keep(f"{name}-dark", shown.grab())
            self.theme(ThemeMode.LIGHT)

    def shoot_screen(self, name: str) -> None:
        """A picture of what the screen shows where the window is: with popups over it."""
        self.rest()
        place = self.window.geometry()
        whole = self.window.screen().grabWindow(0, place.x(), place.y(), WIDTH, HEIGHT)
        self._keep(name, whole)

    def _keep(self, name: str, picture: QPixmap) -> None:
        path = self._folder / f"{name}.png"
        image = few_colours(picture.toImage())
        assert image.save(str(path), quality=_SMALLEST), f"{path} was not written"
        self.taken.append(path.name)

    def shoot_node(self, name: str, *titles: str) -> None:
        """A picture of the window with the page of a node."""
        self.open(*titles)
        self.shoot(name)

    def theme(self, mode: ThemeMode) -> None:
        """Switch the look."""
        self.window.set_theme(mode)

    # --- wizards ------------------------------------------------------------------------------

    def next_page(self, title: str) -> None:
        """As before, after a picture of the page that is left."""
        self._shoot_page()
        super().next_page(title)

    def finish(self, sentence: str) -> None:
        """As before, with pictures of the summary and of the result."""
        self._shoot_page()
        super().finish(sentence)
        self._shoot_page()

    def _shoot_page(self) -> None:
        self.see(QWidget, "wizard_title")
        wizard = self._wizards()[-1]
        name = wizard.objectName().removesuffix("_wizard").replace("_", "-")
        # Other pages of the same wizard have been taken before this one.
        earlier = {each.removesuffix(".png").removesuffix("-dark") for each in self.taken}
        number = 1 + sum(each.startswith(f"wizard-{name}-") for each in earlier)
        self.shoot(f"wizard-{name}-{number}", wizard)
