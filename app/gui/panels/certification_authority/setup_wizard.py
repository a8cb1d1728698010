"""The CA set-up wizard: its pages, what they wait for, and what it does at the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui.panels.certification_authority.cryptography_page import CryptographyPage
from app.gui.panels.certification_authority.setup_facts import read_setup, set_up
from app.gui.panels.certification_authority.setup_pages import (
    DatabasePage,
    NamePage,
    PublicationPage,
    ValidityPage,
    authority_type_page,
    private_key_page,
    result_lines,
    setup_type_page,
)
from app.gui.wizard import Wizard

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.gui.panels.certification_authority.setup_facts import SetupFacts
    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend


class SetupWizard(Wizard):
    """Set Up Certification Authority; `completed` carries a `SetUp`."""

    def __init__(self, backend: Backend, runner: TaskRunner, parent: QWidget | None) -> None:
        self.cryptography = CryptographyPage()
        self.name_page = NamePage(backend)
        self.publication = PublicationPage()
        super().__init__(
            "Set Up Certification Authority",
            [
                setup_type_page(),
                authority_type_page(),
                private_key_page(),
                self.cryptography,
                self.name_page,
                ValidityPage(backend),
                DatabasePage(backend),
                self.publication,
            ],
            finish=partial(set_up, backend),
            runner=runner,
            finish_text="Configure",
            working="Setting up the certification authority",
            result=result_lines,
            progress="progress",
            name="setup_wizard",
            parent=parent,
        )
        self._ask(backend, runner)

    def _ask(self, backend: Backend, runner: TaskRunner) -> None:
        """Ask for what the pages propose, while the first of them are read."""
        runner.run(
            self.tr("Asking the tokens"),
            read_setup,
            backend,
            owner=self,
            done=self._take,
            failed=self.cryptography.take_problem,
            quiet=True,
        )
        runner.run(
            self.tr("Proposing a name"),
            backend.authorities.proposed_name,
            owner=self,
            done=self.name_page.propose,
            quiet=True,
        )

    def _take(self, facts: SetupFacts) -> None:
        self.cryptography.take(facts)
        self.publication.propose(facts.address)
