"""The dialog Add Location: a URL with variables, its preview, and where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.authorities import Authority, Location, LocationFlag, LocationList
from app.domain.errors import InvalidInput
from app.domain.status import LinkState
from app.gui.forms import CheckGroup, EnumCombo, combo, line_edit
from app.gui.panels.certification_authority.facts import also_issuer
from app.gui.theme import Space
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import button, label
from app.gui.widgets.form_dialog import FormDialog
from app.gui.wizard import FieldError
from app.pki.locations import expand
from app.services.authority.context import location_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.gui.tasks import TaskRunner
    from app.services.backend import Backend

OCSP_URL = "http://<ServerDNSName>/ocsp"
#: Those that mean something in an http URL, with what they stand for.
_VARIABLES = (
    ("<ServerDNSName>", "The host of this CA, with its port"),
    ("<ServerShortName>", "The short name of the host"),
    ("<CaName>", "The name of the CA"),
    ("<CertificateName>", "(1), (2) and so on after renewals"),
    ("<CRLNameSuffix>", "(1), (2) and so on after renewals with a new key"),
    ("<DeltaCRLAllowed>", "A + in the name of a delta CRL"),
)
_AIA = "aia"
_OCSP = "ocsp"
_CDP = "cdp"
_FLAGS = {
    _AIA: LocationFlag.IN_CERTIFICATE_CDP_OR_AIA,
    _OCSP: LocationFlag.IN_OCSP,
    _CDP: LocationFlag.IN_CERTIFICATE_CDP_OR_AIA,
}


class AddLocationDialog(FormDialog):
    """Adds one location to a list of a CA; `completed` carries the CA."""

    def __init__(
        self,
        backend: Backend,
        authority: Authority,
        runner: TaskRunner,
        parent: QWidget | None,
        *,
        for_ocsp: bool = False,
    ) -> None:
        super().__init__(
            "Add Location",
            f"Certificates that {authority.name} issues from now on carry it.",
            "Add",
            runner,
            name="location_dialog",
            parent=parent,
        )
        self._backend, self._authority = backend, authority
        self._make_fields(for_ocsp=for_ocsp)
        self._connect()
        self._list_changed()
        self.url.setFocus()

    def _make_fields(self, *, for_ocsp: bool) -> None:
        lists = {kind: kind.value for kind in (LocationList.AIA, LocationList.CDP)}
        self.list = EnumCombo("location_list", lists, LocationList.AIA)
        self.form.add_row(self.tr("Extension"), self.list)
        text = OCSP_URL if for_ocsp else ""
        self.url = line_edit("location_url", text, OCSP_URL)
        self.form.add_row(self.tr("Location"), self.url)
        self.variable = combo("location_variable", [(name, name) for name, _ in _VARIABLES])
        insert = button(self.tr("Insert"), "location_insert", self._insert)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.variable, 1)
        row.addWidget(insert)
        self.variable.setAccessibleName(self.tr("Variable"))
        self.form.add_row(self.tr("Variable"), holder)
        self.meaning = label("", "small", wrap=True)
        self.form.add_row("", self.meaning)
        self.preview = label("", "mono", wrap=True, selectable=True)
        self.preview.setObjectName("location_preview")
        self.form.add_row(self.tr("Resulting URL"), self.preview)
        self._make_boxes(for_ocsp=for_ocsp)

    def _make_boxes(self, *, for_ocsp: bool) -> None:
        self.aia = CheckGroup(
            "location_include",
            (
                (_AIA, self.tr("Include in the AIA extension of issued certificates")),
                (
                    _OCSP,
                    self.tr("Include in the online certificate status protocol (OCSP) extension"),
                ),
            ),
            (_OCSP,) if for_ocsp else (),
        )
        self.cdp = CheckGroup(
            "location_include_in",
            ((_CDP, self.tr("Include in the CDP extension of issued certificates")),),
            (_CDP,),
        )
        self.form.add_wide(self.aia)
        self.form.add_wide(self.cdp)
        self.warning = InlineBanner("location_warning")
        self.body.addWidget(self.warning)

    def _connect(self) -> None:
        self.list.currentIndexChanged.connect(self._list_changed)
        self.url.textChanged.connect(self._show_preview)
        self.variable.currentIndexChanged.connect(self._explain)
        self._explain()
        self.aia.changed.connect(self._warn)

    def _insert(self) -> None:
        self.url.insert(self.variable.currentData())
        self.url.setFocus()

    def _explain(self) -> None:
        """What the variable stands for, in general and here."""
        name, words = _VARIABLES[self.variable.currentIndex()]
        value = expand(name, location_context(self._authority))
        self.meaning.setText(
            f"{words}: {value}" if value else self.tr("{0}; empty here").format(words)
        )

    def _list_changed(self) -> None:
        is_aia = self.list.value() is LocationList.AIA
        self.form.set_row_visible(self.aia, is_aia)
        self.form.set_row_visible(self.cdp, not is_aia)
        self._show_preview()
        self._warn()

    def _show_preview(self) -> None:
        text = self.url.text().strip()
        try:
            self.preview.setText(expand(text, location_context(self._authority)) if text else "")
        except InvalidInput as error:
            self.preview.setText(error.message)

    def _location(self) -> Location:
        kind = self.list.value()
        group = self.aia if kind is LocationList.AIA else self.cdp
        flags = LocationFlag.NONE
        for key in group.checked():
            flags |= _FLAGS[key]
        return Location(kind, self.url.text().strip(), flags)

    def _warn(self) -> None:
        if also_issuer(self._location()):
            self.warning.show_message(
                LinkState.WARNING,
                self.tr("An online responder does not serve the certificate of the CA."),
                self.tr(
                    "Ticked as AIA too, clients also look for the CA certificate at this URL and "
                    "fail. Tick only the OCSP extension."
                ),
            )
            self.grow()
        else:
            self.warning.hide()

    def validate(self) -> FieldError | str | None:
        location = self._location()
        if not location.template:
            return FieldError(self.url, self.tr("Write the URL of the location."))
        try:
            expand(location.template, location_context(self._authority))
        except InvalidInput as error:
            return FieldError(self.url, error.one_line())
        if not location.flags:
            group = self.aia if location.kind is LocationList.AIA else self.cdp
            return FieldError(group, self.tr("Tick at least one of the boxes."))
        return None

    def work(self) -> tuple[str, Callable[..., Any], tuple[object, ...]]:
        arguments = (self._authority.id, self._location())
        return self.tr("Adding the location"), self._backend.authorities.add_location, arguments
