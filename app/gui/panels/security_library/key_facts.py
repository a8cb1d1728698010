"""What the pages of keys show; knows nothing of Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.ids import LibraryId
from app.domain.keys import TokenIdentity
from app.domain.libraries import TokenSettings
from app.domain.status import LinkState
from app.domain.token_memory import UNKNOWN, TokenMemory, memory_of
from app.domain.tokens import PinState, SlotFacts
from app.gui.formats import grouped_hex, local_time
from app.services.security_library.key_test import kind_words
from app.services.security_library.keys import KeyOnToken

if TYPE_CHECKING:
    from datetime import datetime

    from app.domain.keys import KeyAlgorithm, KeyDescription, KeyLocator
    from app.services.backend import Backend
    from app.services.security_library.key_certificates import KeyCertificate
    from app.services.security_library.keys import KeyTest

NONE_HERE = "—"
_TRIES = {
    PinState.COUNT_LOW: "A wrong PIN was entered lately: only a few tries are left.",
    PinState.FINAL_TRY: "One try is left. If it is wrong, the token locks this PIN.",
    PinState.LOCKED: "This PIN is locked.",
    PinState.TO_BE_CHANGED: "The token wants this PIN to be changed.",
}


@dataclass(frozen=True, slots=True)
class KeySource:
    """A store of keys: its title, how its keys are read on a task thread, and its token.

    `library_id` and `token` are None for the software store.
    """

    title: str
    read: Callable[[], tuple[KeyOnToken, ...]]
    library_id: LibraryId | None = None
    token: TokenIdentity | None = None


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Everything on a page of keys; `slot` and `settings` are None for the software store."""

    keys: tuple[KeyOnToken, ...]
    slot: SlotFacts | None = None
    settings: TokenSettings | None = None

    @property
    def memory(self) -> TokenMemory:
        """The token's room for keys."""
        return UNKNOWN if self.slot is None else memory_of(self.slot)


def read_page(backend: Backend, source: KeySource) -> KeyPage:
    """The keys of a store and what its token says; for a task thread.

    Raises:
        Refused, KeyStorageError: as `KeyService.on_token`.
    """
    keys = source.read()
    if source.library_id is None or source.token is None:
        return KeyPage(keys)
    slot = backend.tokens.facts(source.library_id, source.token)
    return KeyPage(keys, slot, backend.keys.settings(source.library_id, source.token))


def key_state(key: KeyOnToken, now: datetime) -> tuple[LinkState, str]:
    """State of a key in a few words: whether it is used, until when, or could go."""
    if not key.certificates:
        return LinkState.WARNING, "Orphan"
    if not key.why_not_retired:
        return LinkState.UNCHECKED, "Past, can be retired"
    first = key.certificates[0]
    if first.not_after < now:
        return LinkState.BAD, "Certificate expired"
    return LinkState.OK, "In use"


def key_users(key: KeyOnToken) -> tuple[LinkState, str]:
    """Who uses a key: `Orphan` when nobody does."""
    if not key.used_by:
        return LinkState.WARNING, "Orphan"
    return (LinkState.OK if key.why_not_retired else LinkState.UNCHECKED), key.used_by


def label_words(key: KeyOnToken) -> str:
    """The label; one that several keys have is marked."""
    label = key.description.locator.label or "(no label)"
    return f"{label}  (label used twice)" if key.label_shared else label


def until(key: KeyOnToken) -> datetime | None:
    """When the last certificate of a key ends."""
    return max((each.not_after for each in key.certificates), default=None)


def until_words(key: KeyOnToken) -> str:
    """When the last certificate of a key ends, as text."""
    end = until(key)
    return NONE_HERE if end is None else local_time(end, zone=False)


def attribute_words(description: KeyDescription) -> str:
    """`sensitive, not extractable`; what a token does not report is left out."""
    said = [
        word if value else f"not {word}"
        for word, value in (
            ("sensitive", description.sensitive),
            ("extractable", description.extractable),
        )
        if value is not None
    ]
    if not description.has_private:
        said.insert(0, "public half only")
    elif not description.has_public:
        said.insert(0, "no public half")
    return ", ".join(said) or "not reported"


def yes_no(value: bool | None) -> str:
    """An attribute that a token may not report."""
    return "not reported" if value is None else "yes" if value else "no"


def algorithm_words(locator: KeyLocator) -> str:
    """`RSA 2048`, `ECDSA P-256`, `Ed25519`."""
    return kind_words(locator).replace("_P", " P-")


def key_facts(key: KeyOnToken) -> tuple[tuple[str, str], ...]:
    """Everything that is known of a key pair, as (name, value)."""
    found, locator = key.description, key.description.locator
    halves = [
        name
        for name, there in (("private", found.has_private), ("public", found.has_public))
        if there
    ]
    certificates = [pair for each in key.certificates for pair in certificate_facts(each)]
    made = {True: ", made in its store", False: ", made elsewhere", None: ""}[found.local]
    return (
        ("Used by", key.used_by or "nobody that is known here"),
        ("Key", algorithm_words(locator)),
        *certificates,
        ("Attributes", attribute_words(found) + made),
        ("Halves", " and ".join(halves)),
        ("CKA_ID", grouped_hex(locator.cka_id, 8)),
        ("SHA-256", grouped_hex(locator.public_key_sha256, 8)),
    )


def certificate_facts(certificate: KeyCertificate) -> tuple[tuple[str, str], tuple[str, str]]:
    """Until when a certificate is valid, and its serial, as (name, value)."""
    if certificate.past:
        name, word = "Past certificate", "ended"
    else:
        name, word = f"{certificate.state} certificate".capitalize(), "until"
    end = f"{word} {local_time(certificate.not_after)}"
    return (name, end), ("Serial number", grouped_hex(certificate.serial, 8))


def delete_consequence(key: KeyOnToken) -> str:
    """What happens when a key is deleted, for the question before it."""
    gone = "The key pair is destroyed in its store; only a backup of the HSM brings it back."
    if not key.used_by:
        return gone
    if not key.why_not_retired:
        return f"It was the key of {key.used_by}, whose certificate is past. {gone}"
    return f"It is the key of {key.used_by}, which cannot sign any more then. {gone}"


def retire_consequence(key: KeyOnToken) -> str:
    """What happens when a key is retired, for the question before it."""
    owners = "; ".join(dict.fromkeys(each.owner for each in key.certificates))
    return (
        f"All certificates of {owners} with this key are past. The key pair is destroyed in its "
        "store, which gives its memory back; the records of the certificates stay."
    )


def retire_words(settings: TokenSettings) -> str:
    """Whether keys retire by themselves, as a sentence."""
    days = settings.retire_after_days
    if days is None:
        return "Keys of past certificates stay until they are retired."
    if days == 0:
        return "Keys retire by themselves when their last certificate has ended."
    unit = "day" if days == 1 else "days"
    return f"Keys retire by themselves {days} {unit} after their last certificate has ended."


def tries_words(state: PinState | None) -> str:
    """What a token says of the tries that are left for a PIN; "" when it says nothing."""
    return "" if state is None else _TRIES.get(state, "")


def test_words(test: KeyTest) -> tuple[LinkState, str, str]:
    """State, sentence and second sentence about a test of a key."""
    if not test.signs:
        return LinkState.BAD, test.note, ""
    return LinkState.OK, test.note, f"{test.algorithm}, in {test.milliseconds:.1f} ms."


def offered_algorithms(backend: Backend, source: KeySource) -> tuple[KeyAlgorithm, ...]:
    """What kinds of keys can be made in a store; for a task thread.

    Raises:
        Refused, KeyStorageError: as `KeyService.algorithms`.
    """
    if source.library_id is None or source.token is None:
        return backend.key_access.software.algorithms()
    return backend.keys.algorithms(source.library_id, source.token)


def provider_name(backend: Backend, source: KeySource) -> str:
    """Name of the provider of a store; for a task thread."""
    if source.library_id is None:
        return backend.key_access.software.name
    return backend.libraries.find(str(source.library_id)).provider_name
