"""Publishing a CRL, and how often it is published."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.gui.formats import local_time
from app.gui.forms import PeriodEdit, check_box
from app.gui.widgets.basics import label
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.form_dialog import FormDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from app.domain.authorities import Authority, Crl
    from app.domain.periods import Period
    from app.gui.panels.certification_authority.facts import AuthorityFacts
    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend


def publish_question(
    facts: AuthorityFacts, confirmed: Callable[[], None], parent: QWidget | None
) -> ConfirmDialog:
    """Asks before a CRL is replaced that is valid still."""
    crl = facts.crl
    consequence = (
        f"CRL {crl.number} stays valid until {local_time(crl.next_update)}; the new one replaces "
        "it under /CertEnroll/ at once. Clients that have the old one fetch the new one when "
        "the old one ends."
        if crl is not None and crl.next_update > facts.read_at
        else "There is no valid CRL now. The new one is served under /CertEnroll/ at once."
    )
    return ConfirmDialog(
        f"Publish a new CRL of {facts.authority.name}?",
        consequence,
        "Publish",
        confirmed,
        danger=False,
        parent=parent,
    )


class CrlParametersDialog(FormDialog):
    """CRL Publishing Parameters; `completed` carries the CA."""

    def __init__(
        self, backend: Backend, facts: AuthorityFacts, runner: TaskRunner, parent: QWidget | None
    ) -> None:
        super().__init__(
            "CRL Publishing Parameters",
            "How often the CA publishes its revocation list.",
            "OK",
            runner,
            name="crl_parameters_dialog",
            parent=parent,
        )
        self._backend, self._authority = backend, facts.authority
        self.period = PeriodEdit("crl_period", facts.authority.crl.period)
        self.form.add_row(
            self.tr("CRL publication interval"),
            self.period,
            self.tr("It holds from the next CRL on."),
        )
        self.form.add_row(self.tr("Next publication"), label(_next(facts.crl), wrap=True))
        overlap = facts.authority.crl.overlap
        self.form.add_row(
            self.tr("Overlap"),
            label(
                str(overlap)
                if overlap is not None
                else self.tr(
                    "A tenth of the interval, at most 12 hours: the old CRL stays valid that much "
                    "longer, in case the new one is late."
                ),
                "" if overlap is not None else "muted",
                wrap=True,
            ),
        )
        self.publish = check_box("crl_publish_now", self.tr("Publish a new CRL now"))
        self.body.addWidget(self.publish)

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        arguments = (self._backend, self._authority, self.period.period(), self.publish.isChecked())
        return self.tr("Changing CRL publishing parameters"), change_interval, arguments


def _next(crl: Crl | None) -> str:
    return local_time(crl.next_publish) if crl is not None else "As soon as the CA is started"


def change_interval(
    backend: Backend,
    authority: Authority,
    period: Period,
    publish: bool,
) -> Authority:
    """Change the interval, and publish a CRL with it when that is wanted."""
    settings = replace(authority.crl, period=period)
    changed = backend.authorities.set_crl_settings(authority.id, settings)
    if publish:
        backend.revocation.publish_crl(authority.id)
    return changed
