"""The wizard's page Cryptography for CA: provider, token, key length and hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.domain.keys import ED25519_SCHEME, HashAlgorithm
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.status import LinkState
from app.gui.forms import EnumCombo, combo
from app.gui.panels.certification_authority.setup_facts import Offer, SetupFacts
from app.gui.widgets.banner import InlineBanner
from app.gui.widgets.basics import label
from app.gui.wizard import FieldError, WizardPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.errors import SealkeeperError
    from app.domain.keys import TokenIdentity

_HASHES = {
    HashAlgorithm.SHA256: "SHA256",
    HashAlgorithm.SHA384: "SHA384",
    HashAlgorithm.SHA512: "SHA512",
}


class CryptographyPage(WizardPage):
    """Cryptography for CA; filled as soon as the tokens have answered."""

    def __init__(self) -> None:
        super().__init__(
            "Cryptography for CA", "Where the CA's key is made, and with what it signs."
        )
        self._facts: SetupFacts | None = None
        self._problem = ""

    def build(self) -> None:
        self.banner = InlineBanner("cryptography_banner")
        self.form.add_wide(self.banner)
        self.provider = combo("ca_provider", [])
        self.provider.setMinimumWidth(330)
        self.form.add_row(
            self.tr("Provider"),
            self.provider,
            self.tr("Algorithm and provider, as the registered security libraries offer them."),
        )
        self.token = combo("ca_token", [])
        self.form.add_row(self.tr("Token"), self.token)
        self.token_text = label("", wrap=True)
        self.token_text.setObjectName("ca_token_text")
        self.form.add_row(self.tr("Key is kept in"), self.token_text)
        self.bits = combo("ca_key_length", [])
        self.form.add_row(self.tr("Key length"), self.bits)
        self.hash = EnumCombo("ca_hash", _HASHES, HashAlgorithm.SHA256)
        self.form.add_row(
            self.tr("Hash algorithm"), self.hash, self.tr("For the signatures of the CA.")
        )
        self.hash_text = label("", wrap=True)
        self.hash_text.setObjectName("ca_hash_text")
        self.form.add_row(self.tr("Hash algorithm"), self.hash_text)
        self.provider.currentIndexChanged.connect(self._chosen)
        self.banner.show_message(None, self.tr("Asking the registered tokens what they can do…"))
        self._chosen()

    # --- what the services say ----------------------------------------------------------------

    def take(self, facts: SetupFacts) -> None:
        """The tokens have answered."""
        self._facts, self._problem = facts, ""
        before = self.provider.currentText()
        self.provider.blockSignals(True)
        self.provider.clear()
        for offer in facts.offers:
            self.provider.addItem(offer.text, offer)
        found = self.provider.findText(before)
        self.provider.setCurrentIndex(max(found, 0) if facts.offers else -1)
        self.provider.blockSignals(False)
        self._explain(facts)
        self._chosen()

    def take_problem(self, error: SealkeeperError) -> None:
        """The providers could not be listed."""
        self._problem = error.one_line()
        self.banner.show_error(error)

    def _explain(self, facts: SetupFacts) -> None:
        hint = self.tr(
            "If the providers are not available, verify your library and slot registration."
        )
        if facts.problems:
            self.banner.show_message(LinkState.WARNING, " ".join(facts.problems), hint)
        elif all(offer.is_software for offer in facts.offers):
            self.banner.show_message(
                LinkState.WARNING,
                self.tr("No security library offers a provider: the key would be kept in a file."),
                hint,
            )
        else:
            self.banner.hide()

    def _offer(self) -> Offer | None:
        chosen = self.provider.currentData()
        return chosen if isinstance(chosen, Offer) else None

    def _chosen(self) -> None:
        offer = self._offer()
        tokens = offer.tokens if offer is not None else ()
        self.token.clear()
        for token in tokens:
            self.token.addItem(f"{token.label} (serial {token.serial})", token)
        self.form.set_row_visible(self.token, len(tokens) > 1)
        self.form.set_row_visible(self.token_text, offer is not None and len(tokens) <= 1)
        self.token_text.setText(self._where(offer))
        self._show_sizes(offer)
        own_hash = offer is not None and offer.has_own_hash
        self.form.set_row_visible(self.hash, not own_hash)
        self.form.set_row_visible(self.hash_text, own_hash)
        self.hash_text.setText(self.tr("SHA512, a part of the algorithm") if own_hash else "")

    def _where(self, offer: Offer | None) -> str:
        if offer is None:
            return ""
        if offer.is_software:
            return self.tr("an encrypted file of the home folder, not a hardware token")
        if not offer.tokens:
            return self.tr("no token: none is registered for the service's account")
        return f"{offer.tokens[0].label} (serial {offer.tokens[0].serial})"

    def _show_sizes(self, offer: Offer | None) -> None:
        before = self.bits.currentData()
        self.bits.clear()
        for size in offer.sizes if offer is not None else ():
            self.bits.addItem(self.tr("{0} bits").format(size), size)
        self.bits.setCurrentIndex(max(self.bits.findData(before), 0))
        self.bits.setEnabled(self.bits.count() > 1)

    # --- the page -----------------------------------------------------------------------------

    def _chosen_token(self) -> TokenIdentity | None:
        token: TokenIdentity | None = self.token.currentData()
        return token

    def validate(self) -> str | FieldError | None:
        if self._facts is None:
            return self._problem or self.tr("The tokens have not answered yet.")
        offer = self._offer()
        if offer is None:
            return FieldError(self.provider, self.tr("Choose a provider."))
        if not offer.is_software and not offer.tokens:
            return FieldError(
                self.provider,
                self.tr(
                    "No slot of {0} is registered for {1}, as which the Certification Authority "
                    "service logs on. Register it for that account too."
                ).format(offer.entry.provider, self._facts.log_on),
            )
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        offer, token = self._offer(), self._chosen_token()
        where = SOFTWARE_PROVIDER if token is None else token.label
        return (
            (self.tr("Provider"), str(offer.entry) if offer is not None else ""),
            (self.tr("Token"), where) if token is not None else (self.tr("Key file"), where),
            (self.tr("Key length"), self.bits.currentText()),
            (self.tr("Hash algorithm"), self._hash_algorithm().value),
        )

    def values(self) -> dict[str, Any]:
        return {
            "offer": self._offer(),
            "token": self._chosen_token(),
            "bits": self.bits.currentData(),
            "hash_algorithm": self._hash_algorithm(),
        }

    def _hash_algorithm(self) -> HashAlgorithm:
        offer = self._offer()
        if offer is not None and offer.has_own_hash:
            return ED25519_SCHEME.hash
        return self.hash.value()
