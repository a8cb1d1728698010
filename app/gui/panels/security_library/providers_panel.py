"""The page of the key storage providers, as `ALG#provider`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.status import LinkState
from app.gui.panel import Console, Panel
from app.gui.panels.security_library.facts import ProviderList, ProviderRow, provider_list
from app.gui.table_view import TableCard, TableView
from app.gui.tables import Column, ListTableModel
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import EmptyState

if TYPE_CHECKING:
    from app.services.backend import Backend

COLUMNS: tuple[Column[ProviderRow], ...] = (
    Column("entry", "Provider", lambda r: str(r.entry), icon=lambda _r: "provider", width=340,
           stretch=True),
    Column("algorithm", "Algorithm", lambda r: r.entry.algorithm.value, width=140),
    Column("holder", "Keys live in", lambda r: r.holder, width=260),
)  # fmt: skip


class ProvidersPanel(Panel):
    """What keys can be made with; a banner names libraries that could not be asked."""

    def __init__(self, console: Console, *, backend: Backend) -> None:
        super().__init__(console, "Providers", scroll=False, name="providers_panel")
        self._backend = backend
        self.banner = InlineBanner("providers_banner")
        self.model = ListTableModel(COLUMNS, identity=str)
        self.view = TableView(self.model, "providers_table", self.tr("Providers"))
        self.view.set_empty_state(EmptyState("provider", self.tr("The providers are being asked.")))
        card = TableCard(self.tr("Key storage providers"), self.view, search=self.tr("Filter"))
        self.body.addWidget(self.banner)
        self.body.addWidget(card, 1)

    def refresh(self) -> None:
        self.run(
            self.tr("Asking the providers"),
            provider_list,
            self._backend,
            done=self._loaded,
            supersede="load",
        )

    def _loaded(self, found: ProviderList) -> None:
        self.model.set_rows(found.rows)
        if not found.problems:
            self.banner.hide()
            self.set_header()
            return
        vendors = ", ".join(vendor for vendor, _sentence in found.problems)
        self.banner.show_message(
            LinkState.BAD,
            self.tr("Algorithms of {vendors} may be missing from this list.").format(
                vendors=vendors
            ),
            "\n".join(f"{vendor}: {sentence}" for vendor, sentence in found.problems),
        )
        self.set_header(state=LinkState.BAD, word=self.tr("A library does not answer"))
