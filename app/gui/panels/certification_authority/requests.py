"""The pages Revoked, Issued, Pending and Failed of a certification authority."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from app.domain.requests import Disposition, RequestRow, RevocationReason
from app.gui.actions import ActionSpec
from app.gui.files import ask_save
from app.gui.panel import Console, Panel
from app.gui.panels.certification_authority import openers
from app.gui.panels.certification_authority.lists import (
    COLUMNS,
    RequestList,
    RequestSource,
    RequestTableModel,
    row_state,
    subject,
)
from app.gui.panels.certification_authority.request_details import details
from app.gui.panels.certification_authority.revoke_dialog import RevokeDialog
from app.gui.table_view import TableCard, TableView
from app.gui.widgets.basics import EmptyState
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.key_values import DetailPane
from app.pki.pem import CERTIFICATE_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.ids import AuthorityId
    from app.services.backend import Backend

_CERTIFICATES = frozenset({RequestList.ISSUED, RequestList.REVOKED})


class RequestsPanel(Panel):
    """One list of a CA's database, with what can be done with the selected row."""

    def __init__(
        self, console: Console, *, backend: Backend, authority_id: AuthorityId, kind: RequestList
    ) -> None:
        super().__init__(console, kind.title, scroll=False, name=f"{kind.value}_panel")
        self._backend, self._authority_id, self._kind = backend, authority_id, kind
        self._scrolled = 0
        source = RequestSource(backend, authority_id, kind)
        self.model = RequestTableModel(COLUMNS[kind], source, console.tasks, self)
        self.model.sort_column, self.model.descending = 0, True
        self.view = TableView(self.model, f"{kind.value}_table", kind.title)
        self.view.horizontalHeader().setSortIndicator(0, Qt.SortOrder.DescendingOrder)
        self.view.set_actions(self.actions)
        self.view.set_empty_state(self._empty())
        self.view.row_selected.connect(self._selected)
        self.view.row_activated.connect(self._view_row)
        self.model.failed.connect(console.show_error)
        self._keep_place()
        self.detail = DetailPane(self.tr("Select a row to see all that is known of it."))
        words = self.tr("Certificates") if kind in _CERTIFICATES else self.tr("Requests")
        search = self.tr("Name, requester, serial, template")
        card = TableCard(words, self.view, search=search)
        if card.search is not None:
            card.search.setMinimumWidth(260)
        self.body.addWidget(card, 1)
        self.body.addWidget(self.detail)

    def _empty(self) -> EmptyState:
        name = f"{self._kind.value}_empty"
        if self._kind is RequestList.ISSUED:
            text = self.tr("Submit New Request…")
            return EmptyState("issued", self._kind.nothing, text, self._submit, name=name)
        return EmptyState(self._kind.icon, self._kind.nothing, name=name)

    def _keep_place(self) -> None:
        """A refresh leaves the list where it was scrolled to."""
        bar = self.view.verticalScrollBar()

        def remember() -> None:
            self._scrolled = bar.value()

        self.model.modelAboutToBeReset.connect(remember)
        self.model.modelReset.connect(lambda: bar.setValue(self._scrolled))

    def refresh(self) -> None:
        self.model.reload()

    def _selected(self, row: RequestRow | None) -> None:
        self.actions_changed.emit()
        if row is None:
            self.detail.clear()
        else:
            state, word = row_state(row, self._backend.clock.now())
            self.detail.show_details(subject(row), details(row), state, word)

    def _row(self) -> RequestRow | None:
        row: RequestRow | None = self.view.selected_row()
        return row

    # --- actions ------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionSpec]:  # type: ignore[override]  # ours are data, not Qt's
        row = self._row()
        why = "" if row is not None else self.tr("Select one row first.")
        group = subject(row) if row is not None else self.tr("Selected row")
        offered = {
            RequestList.ISSUED: self._issued_actions,
            RequestList.REVOKED: self._revoked_actions,
            RequestList.PENDING: self._pending_actions,
            RequestList.FAILED: self._failed_actions,
        }
        return (*offered[self._kind](group, row, why), *self._list_actions())

    def _action(  # noqa: PLR0913 - an action's parts
        self,
        name: str,
        text: str,
        icon: str,
        group: str,
        call: Callable[[], None],
        why: str,
        *,
        danger: bool = False,
    ) -> ActionSpec:
        return ActionSpec(f"request.{name}", text, icon, group, call, why, danger=danger)

    def _certificate_actions(self, group: str, why: str) -> tuple[ActionSpec, ...]:
        act = self._action
        return (
            act("view", self.tr("View Certificate"), "certificate", group, self._view, why),
            act("export", self.tr("Export Certificate…"), "export", group, self._export, why),
        )

    def _issued_actions(
        self, group: str, _row: RequestRow | None, why: str
    ) -> tuple[ActionSpec, ...]:
        revoke = self._action(
            "revoke",
            self.tr("Revoke Certificate…"),
            "revoked",
            group,
            self._revoke,
            why,
            danger=True,
        )
        return (*self._certificate_actions(group, why), revoke)

    def _revoked_actions(
        self, group: str, row: RequestRow | None, why: str
    ) -> tuple[ActionSpec, ...]:
        held = row is not None and row.revoked_reason is RevocationReason.CERTIFICATE_HOLD
        if row is not None and not held:
            why_kept = self.tr(
                "Only a certificate that was revoked with the reason Certificate Hold can be "
                "unrevoked."
            )
        else:
            why_kept = why
        unrevoke = self._action(
            "unrevoke",
            self.tr("Unrevoke Certificate"),
            "restart",
            group,
            self._unrevoke,
            why_kept,
        )
        return (*self._certificate_actions(group, why), unrevoke)

    def _pending_actions(
        self, group: str, _row: RequestRow | None, why: str
    ) -> tuple[ActionSpec, ...]:
        act = self._action
        return (
            act("issue", self.tr("Issue"), "issued", group, self._issue, why),
            act("deny", self.tr("Deny…"), "cross", group, self._deny, why, danger=True),
            act("export_request", self.tr("Export Request…"), "export", group, self._save, why),
        )

    def _failed_actions(
        self, group: str, row: RequestRow | None, why: str
    ) -> tuple[ActionSpec, ...]:
        denied = row is not None and row.disposition is Disposition.DENIED
        if row is not None and not denied:
            why_not = self.tr("Only a denied request can be issued; this one has failed.")
        else:
            why_not = why
        act = self._action
        return (
            act("issue", self.tr("Issue"), "issued", group, self._issue, why_not),
            act("export_request", self.tr("Export Request…"), "export", group, self._save, why),
        )

    def _list_actions(self) -> tuple[ActionSpec, ...]:
        if self._kind is RequestList.REVOKED:
            group = self.tr("Certificate Revocation List")
            return (
                ActionSpec(
                    "authority.publish_crl",
                    self.tr("Publish CRL…"),
                    "publish",
                    group,
                    self._publish,
                ),
                ActionSpec(
                    "authority.crl_parameters",
                    self.tr("CRL Publishing Parameters…"),
                    "calendar",
                    group,
                    self._crl_parameters,
                ),
            )
        submit = ActionSpec(
            "request.submit",
            self.tr("Submit New Request…"),
            "add",
            self.tr("Requests"),
            self._submit,
            shortcut="Ctrl+N",
            primary=True,
        )
        return (submit,)

    def _changed(self, _what: object = None) -> None:
        self.refresh()

    def _submit(self) -> None:
        openers.open_submit_request(self.console, self._backend, self._authority_id, self._changed)

    def _publish(self) -> None:
        openers.ask_publish_crl(self.console, self._backend, self._authority_id, self._changed)

    def _crl_parameters(self) -> None:
        openers.open_crl_parameters(self.console, self._backend, self._authority_id, self._changed)

    # --- the selected row ---------------------------------------------------------------------

    def _view(self) -> None:
        self._view_row(self._row())

    def _view_row(self, row: RequestRow | None) -> None:
        if row is None or self._kind not in _CERTIFICATES:
            return
        self.run(
            self.tr("Opening the certificate"),
            self._backend.enrollment.certificate,
            row.id,
            done=self._show_certificate,
            supersede="view",
            quiet=True,
        )

    def _show_certificate(self, certificate: bytes) -> None:
        openers.view_certificate(self.console, self._backend, certificate)

    def _export(self) -> None:
        row = self._row()
        if row is not None:
            content = partial(self._backend.enrollment.certificate, row.id)
            openers.export_certificate(self.console, content)

    def _save(self) -> None:
        row = self._row()
        if row is not None:
            ask_save(
                self.console.tasks,
                self.console.dialog_parent(),
                self.tr("Export Request"),
                CERTIFICATE_REQUEST,
                partial(self._backend.enrollment.request, row.id),
            )

    def _revoke(self) -> None:
        row = self._row()
        if row is not None:
            dialog = RevokeDialog(
                self._backend, row, self.console.tasks, self.console.dialog_parent()
            )
            dialog.completed.connect(self._changed)
            dialog.open()

    def _unrevoke(self) -> None:
        row = self._row()
        if row is not None:
            self.run(
                self.tr("Unrevoking {0}").format(subject(row)),
                self._backend.revocation.unrevoke,
                self._authority_id,
                row.serial_number,
                done=self._changed,
            )

    def _issue(self) -> None:
        row = self._row()
        if row is not None:
            self.run(
                self.tr("Issuing {0}").format(subject(row)),
                self._backend.enrollment.issue,
                row.id,
                done=self._changed,
            )

    def _deny(self) -> None:
        row = self._row()
        if row is None:
            return
        ConfirmDialog(
            self.tr("Deny request {0} of {1}?").format(row.id, subject(row)),
            self.tr("It moves to Failed Requests, from where it can still be issued."),
            self.tr("Deny"),
            partial(self._deny_now, row),
            parent=self.console.dialog_parent(),
        ).open()

    def _deny_now(self, row: RequestRow) -> None:
        self.run(
            self.tr("Denying request {0}").format(row.id),
            self._backend.enrollment.deny,
            row.id,
            done=self._changed,
        )
