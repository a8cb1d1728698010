"""The cards of a CA's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QBoxLayout,
    QGridLayout,
    QLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.domain.status import LinkState
from app.gui.formats import grouped_hex, local_time
from app.gui.panels.certification_authority.facts import (
    also_issuer,
    included_in,
    rights_text,
)
from app.gui.theme import Space
from app.gui.widgets.basics import Card, ElidedLabel, label
from app.gui.widgets.key_values import Fact, KeyValueGrid
from app.gui.widgets.state_badge import StateBadge
from app.gui.widgets.validity_timeline import ValidityRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from app.gui.panels.certification_authority.facts import AuthorityFacts

_SIDE_BY_SIDE = 660
#: As high as a link button, so that the titles of neighbours stand on one line.
_HEAD = 28


def _tr(text: str) -> str:
    return QCoreApplication.translate("AuthorityCards", text)


class CardRow(QWidget):
    """Cards side by side, or under each other where the page is narrow."""

    def __init__(self, *cards: QWidget) -> None:
        super().__init__()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.L - 2)
        for card in cards:
            # Both get the same width, whatever they hold.
            card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            self._row.addWidget(card, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= _SIDE_BY_SIDE
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self._row.direction() is not direction:
            self._row.setDirection(direction)


class FactsCard(Card):
    """A card of facts; the badge beside its title is hidden until it has a word."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.head.addStrut(_HEAD)
        self.badge = StateBadge()
        self.head.insertWidget(1, self.badge)
        self.grid = KeyValueGrid()
        self.body.addWidget(self.grid)
        self.body.addStretch(1)


class PermissionsCard(Card):
    """Who may do what: each principal with its permissions below."""

    def __init__(self) -> None:
        super().__init__(_tr("Security"))
        self.head.addStrut(_HEAD)
        self._list = QVBoxLayout()
        self._list.setSpacing(1)
        self.body.addLayout(self._list)
        self.body.addStretch(1)
        self._shown: object = None

    def show_permissions(self, facts: AuthorityFacts) -> None:
        """Show them, unless they are shown already."""
        if facts.authority.permissions == self._shown:
            return
        self._shown = facts.authority.permissions
        _clear(self._list)
        for entry in facts.authority.permissions:
            name = ElidedLabel(str(entry.account))
            rights = label(rights_text(entry.allow), "small", wrap=True)
            rights.setContentsMargins(0, 0, 0, Space.S)
            self._list.addWidget(name)
            self._list.addWidget(rights)


class LocationsCard(Card):
    """The locations of a CA: list, URL, and what they are included in."""

    def __init__(self) -> None:
        super().__init__(_tr("Extensions"))
        self.head.addStrut(_HEAD)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(Space.L)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)
        self._shown: object = None

    def show_locations(self, facts: AuthorityFacts) -> None:
        """Show them, unless they are shown already."""
        if facts.locations == self._shown:
            return
        self._shown = facts.locations
        _clear(self._grid)
        top = Qt.AlignmentFlag.AlignTop
        if not facts.locations:
            nothing = _tr("Issued certificates do not say where to ask for their state.")
            self._grid.addWidget(label(nothing, "muted", wrap=True), 0, 0, 1, 3)
        for row, (location, url) in enumerate(facts.locations):
            words = label(included_in(location), "small", wrap=True)
            if also_issuer(location):
                words.setText(included_in(location) + _tr(": clients will not find the CA there"))
                words.setProperty("look", "error")
            words.setContentsMargins(0, 0, 0, Space.S)
            self._grid.addWidget(label(location.kind.name, "muted"), 2 * row, 0, top)
            self._grid.addWidget(ElidedLabel(url, "mono"), 2 * row, 1, top)
            self._grid.addWidget(words, 2 * row + 1, 1, top)


def _clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def certificate_facts(facts: AuthorityFacts) -> Sequence[Fact]:
    """Of the CA certificate."""
    shown = facts.certificate
    return (
        Fact(_tr("Subject"), shown.subject),
        Fact(_tr("Type"), f"{facts.authority.setup_type}, {facts.authority.authority_type}"),
        Fact(_tr("Serial number"), grouped_hex(shown.serial), mono=True),
        Fact(_tr("Valid from"), local_time(shown.not_before)),
        Fact(_tr("Valid to"), local_time(shown.not_after)),
        Fact(_tr("SHA-1"), grouped_hex(shown.sha1), mono=True),
    )


def key_facts(facts: AuthorityFacts) -> Sequence[Fact]:
    """Of the CA's private key."""
    key, authority = facts.authority.key, facts.authority
    token = key.token
    return (
        Fact(_tr("Provider"), authority.provider),
        Fact(
            _tr("Token"),
            f"{token.label} (serial {token.serial})"
            if token is not None
            else _tr("None: an encrypted file of the home folder"),
        ),
        Fact(_tr("Algorithm"), f"{key.spec}, {authority.hash_algorithm}"),
        Fact(_tr("Label"), key.label),
        Fact(_tr("Library"), key.library_path or _tr("None")),
        Fact(_tr("Opened as"), str(facts.log_on)),
    )


def crl_state(facts: AuthorityFacts) -> tuple[LinkState, str]:
    """Of the newest CRL."""
    if facts.crl is None:
        return LinkState.BAD, _tr("Not published yet")
    if facts.crl.next_update <= facts.read_at:
        return LinkState.BAD, _tr("Expired")
    return LinkState.OK, _tr("Valid")


def crl_facts(facts: AuthorityFacts) -> Sequence[Fact]:
    """Of the newest CRL, and how often there is a new one."""
    crl = facts.crl
    interval = Fact(_tr("Interval"), str(facts.authority.crl.period))
    if crl is None:
        return (interval,)
    return (
        Fact(_tr("Number"), str(crl.number)),
        Fact(_tr("Entries"), str(crl.count)),
        Fact(_tr("This update"), local_time(crl.this_update)),
        Fact(_tr("Next update"), local_time(crl.next_update)),
        Fact(_tr("Next publication"), local_time(crl.next_publish)),
        interval,
    )


def timeline_rows(facts: AuthorityFacts) -> tuple[ValidityRow, ...]:
    """The bars of the CA certificate and its CRL."""
    now, certificate, crl = facts.read_at, facts.certificate, facts.crl

    def state(end: object) -> LinkState:
        return LinkState.OK if end else LinkState.BAD

    rows = [
        ValidityRow(
            _tr("CA certificate"),
            certificate.not_before,
            certificate.not_after,
            state=state(certificate.not_after > now),
        )
    ]
    if crl is not None:
        rows.append(
            ValidityRow(
                _tr("CRL {0}").format(crl.number),
                crl.this_update,
                crl.next_update,
                crl.next_publish,
                state(crl.next_update > now),
            )
        )
    return tuple(rows)
