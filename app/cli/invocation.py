"""One run of the command line: its home, its output and the services that it opens."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
import platformdirs

from app.cli.output import Output
from app.cli.passwords import prompt_at_terminal

if TYPE_CHECKING:
    from app.services.backend import Backend

HOME_VARIABLE = "SEALKEEPER_HOME"


class Opener(Protocol):
    """Opens a home."""

    def __call__(self, home: Path) -> Backend:
        """The services of that home.

        Raises:
            HomeUnusable: it cannot be used.
        """
        ...


class ConsoleRunner(Protocol):
    """Opens the console."""

    def __call__(self, home: Path) -> int:
        """Run it on a home; returns its exit code when its window is closed."""
        ...


class Invocation:
    """State of one run; opens the home when a command first needs it."""

    def __init__(self, open_backend: Opener, run_console: ConsoleRunner) -> None:
        self._run_console = run_console
        self.output = Output()
        self.verbose = False
        self.chosen_home: str | None = None
        self._open_backend = open_backend
        self._stack = ExitStack()
        self._backend: Backend | None = None

    @property
    def home(self) -> Path:
        """The home folder: --home, else SEALKEEPER_HOME, else the user's data folder."""
        chosen = self.chosen_home or os.environ.get(HOME_VARIABLE, "")
        if chosen:
            return Path(os.path.abspath(Path(chosen).expanduser()))  # noqa: PTH100 - keeps links
        return platformdirs.user_data_path("sealkeeper", appauthor=False)

    @property
    def backend(self) -> Backend:
        """The services of the home; opened once, closed with the run.

        Raises:
            HomeUnusable: the home cannot be used.
        """
        if self._backend is None:
            self._backend = self._open_backend(self.home)
            self._stack.callback(self._backend.close)
            self._backend.key_access.prompt = prompt_at_terminal()
        return self._backend

    def open_console(self) -> int:
        """Run the console on the home and return its exit code."""
        return self._run_console(self.home)

    def close(self) -> None:
        """Close what was opened."""
        self._stack.close()


pass_invocation = click.make_pass_decorator(Invocation)
