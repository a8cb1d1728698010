"""The page of one certification authority."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QPushButton

from app.domain.status import LinkState
from app.gui.actions import ActionSpec
from app.gui.formats import count_text
from app.gui.panel import Console, Panel
from app.gui.panels.certification_authority import openers
from app.gui.panels.certification_authority.authority_cards import (
    CardRow,
    FactsCard,
    LocationsCard,
    PermissionsCard,
    certificate_facts,
    crl_facts,
    crl_state,
    key_facts,
    timeline_rows,
)
from app.gui.panels.certification_authority.facts import AuthorityFacts, read_authority
from app.gui.panels.certification_authority.lists import RequestList
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import Card, button
from app.gui.widgets.validity_timeline import ValidityTimeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.ids import AuthorityId
    from app.services.backend import Backend


class AuthorityPanel(Panel):
    """Certificate, key, CRL, locations and permissions of one CA, and what can be done with it."""

    def __init__(self, console: Console, *, backend: Backend, authority_id: AuthorityId) -> None:
        super().__init__(console, "", name="authority_panel")
        self._backend, self._id = backend, authority_id
        self._facts: AuthorityFacts | None = None
        self.banner = InlineBanner("authority_banner")
        self.counts = {kind: self._count_button(kind) for kind in RequestList}
        self.timeline = ValidityTimeline()
        self.certificate = FactsCard(self.tr("CA certificate"))
        self.key = FactsCard(self.tr("Private key"))
        self.crl = FactsCard(self.tr("Certificate revocation list"))
        self.security = PermissionsCard()
        self.locations = LocationsCard()
        self._build()

    def _build(self) -> None:
        self.body.addWidget(self.banner)
        lists = Card(self.tr("Requests and certificates"))
        row = QHBoxLayout()
        for shown in self.counts.values():
            row.addWidget(shown)
        row.addStretch(1)
        lists.body.addLayout(row)
        validity = Card(self.tr("Validity and renewal"))
        validity.body.addWidget(self.timeline)
        for card, text, name, call in (
            (
                self.certificate,
                self.tr("View Certificate"),
                "authority_view_certificate",
                self._view,
            ),
            (self.crl, self.tr("Publish CRL…"), "authority_publish", self._publish),
            (self.locations, self.tr("Change…"), "authority_extensions", self._extensions),
            (self.security, self.tr("Change…"), "authority_permissions", self._permissions),
        ):
            card.head.addWidget(button(text, name, call, look="link"))
        self.body.addWidget(validity)
        self.body.addWidget(lists)
        self.body.addWidget(CardRow(self.certificate, self.key))
        self.body.addWidget(CardRow(self.crl, self.security))
        self.body.addWidget(self.locations)
        self.body.addStretch(1)

    def _count_button(self, kind: RequestList) -> QPushButton:
        go = partial(self.console.navigate, f"{openers.node_key(self._id)}/{kind.value}")
        return button(kind.title, f"authority_{kind.value}", go, look="quiet", icon_name=kind.icon)

    # --- content ------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.run(
            self.tr("Loading the certification authority"),
            read_authority,
            self._backend,
            self._id,
            done=self._show,
            supersede="load",
            quiet=True,
        )

    def _show(self, facts: AuthorityFacts) -> None:
        self._facts = facts
        state, word = facts.state
        self.set_header(title=facts.authority.name, state=state, word=word)
        self.console.set_node_state(openers.node_key(self._id), _dot(facts))
        self.certificate.grid.set_facts(certificate_facts(facts))
        self.key.grid.set_facts(key_facts(facts))
        self.crl.grid.set_facts(crl_facts(facts))
        self.crl.badge.set_state(*crl_state(facts))
        self.security.show_permissions(facts)
        self.locations.show_locations(facts)
        self.timeline.set_rows(timeline_rows(facts), facts.read_at)
        counts = {
            RequestList.REVOKED: facts.revoked,
            RequestList.ISSUED: facts.issued,
            RequestList.PENDING: facts.pending,
            RequestList.FAILED: facts.failed,
        }
        for kind, count in counts.items():
            self.counts[kind].setText(f"{kind.title.split()[0]}  {count_text(count)}")
        self._tell(facts)
        self.actions_changed.emit()

    def _tell(self, facts: AuthorityFacts) -> None:
        state, _word = facts.state
        if not facts.authority.started:
            self.banner.show_message(
                LinkState.WARNING,
                self.tr("The certification authority is stopped."),
                self.tr("It refuses requests. What it has issued stays answered for."),
                action=(self.tr("Start"), self._start),
            )
        elif state is LinkState.WARNING:
            self.banner.show_message(
                state,
                self.tr("There is no valid CRL."),
                self.tr("Clients that check revocation lists refuse the certificates of this CA."),
                action=(self.tr("Publish CRL…"), self._publish),
            )
        elif not facts.authority.templates:
            self.banner.show_message(
                None,
                self.tr("This CA issues no template yet."),
                self.tr("It can answer requests as soon as it issues a certificate template."),
                action=(self.tr("New Certificate Template to Issue…"), self._templates),
            )
        else:
            self.banner.hide()

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        if self._facts is None:
            return ()
        started = self._facts.authority.started
        stopped = "" if started else self.tr("The certification authority is stopped.")
        running = self.tr("It is started already.") if started else ""
        own = self._facts.authority.name
        return (
            *self._request_actions(stopped),
            _action("start", self.tr("Start"), "play", own, self._start, running),
            _action("stop", self.tr("Stop"), "stop", own, self._stop, stopped),
            _action(
                "view_certificate", self.tr("View CA Certificate"), "certificate", own, self._view
            ),
            _action("export", self.tr("Export CA Certificate…"), "export", own, self._export),
            *self._property_actions(),
        )

    def _request_actions(self, stopped: str) -> tuple[ActionSpec, ...]:
        group = self.tr("Requests and CRL")
        return (
            ActionSpec(
                "request.submit",
                self.tr("Submit New Request…"),
                "add",
                group,
                self._submit,
                why_not=stopped,
                shortcut="Ctrl+N",
                primary=True,
            ),
            _action("publish_crl", self.tr("Publish CRL…"), "publish", group, self._publish),
            _action(
                "issue_template",
                self.tr("New Certificate Template to Issue…"),
                "template",
                group,
                self._templates,
            ),
        )

    def _property_actions(self) -> tuple[ActionSpec, ...]:
        group = self.tr("Properties")
        crl = self.tr("CRL Publishing Parameters…")
        return (
            _action("extensions", self.tr("Extensions…"), "link", group, self._extensions),
            _action("crl_parameters", crl, "calendar", group, self._crl_parameters),
            _action("permissions", self.tr("Permissions…"), "users", group, self._permissions),
        )

    def _changed(self, _what: object = None) -> None:
        self.refresh()

    def _submit(self) -> None:
        openers.open_submit_request(self.console, self._backend, self._id, self._changed)

    def _publish(self) -> None:
        openers.ask_publish_crl(self.console, self._backend, self._id, self._changed)

    def _templates(self) -> None:
        openers.open_issue_templates(self.console, self._backend, self._id, self._changed)

    def _extensions(self) -> None:
        openers.open_extensions(self.console, self._backend, self._id, self._changed)

    def _crl_parameters(self) -> None:
        openers.open_crl_parameters(self.console, self._backend, self._id, self._changed)

    def _permissions(self) -> None:
        openers.open_permissions(self.console, self._backend, self._id, self._changed)

    def _start(self) -> None:
        self.run(
            self.tr("Starting the certification authority"),
            self._backend.authorities.start,
            self._id,
            done=self._changed,
        )

    def _stop(self) -> None:
        self.run(
            self.tr("Stopping the certification authority"),
            self._backend.authorities.stop,
            self._id,
            done=self._changed,
        )

    def _view(self) -> None:
        if self._facts is not None:
            openers.view_certificate(self.console, self._backend, self._facts.authority.certificate)

    def _export(self) -> None:
        if self._facts is not None:
            certificate = self._facts.authority.certificate
            openers.export_certificate(self.console, lambda: certificate)


def _dot(facts: AuthorityFacts) -> LinkState:
    """The mark in the tree: started or not."""
    return LinkState.OK if facts.authority.started else LinkState.WARNING


def _action(
    name: str, text: str, icon: str, group: str, call: Callable[[], None], why: str = ""
) -> ActionSpec:
    return ActionSpec(f"authority.{name}", text, icon, group, call, why)
