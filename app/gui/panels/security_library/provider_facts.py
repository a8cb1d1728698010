"""What the page of the providers shows; knows nothing of Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.errors import SealkeeperError
from app.domain.keys import TokenIdentity
from app.domain.libraries import Library
from app.domain.status import LinkState
from app.gui.panels.security_library.facts import algorithm_words
from app.services.security_library.providers import ProviderKind, ProviderRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.services import ServiceName
    from app.services.backend import Backend
    from app.services.security_library.legacy import LegacyRegistration


@dataclass(frozen=True, slots=True)
class ProviderList:
    """The providers, what could not be asked, and which legacy providers can be registered.

    Attributes:
        problems: (vendor, sentence) of the libraries that could not be asked.
        silent: one of them should have answered; the others are disabled.
        candidates: libraries with a registered slot whose legacy provider is not registered.
    """

    rows: tuple[ProviderRecord, ...]
    problems: tuple[tuple[str, str], ...]
    candidates: tuple[Library, ...]
    silent: bool = False


@dataclass(frozen=True, slots=True)
class LegacyChoice:
    """A token whose password can register a legacy provider.

    Attributes:
        pad: the token asks for its PIN on its own pad.
    """

    library: Library
    token: TokenIdentity
    pad: bool

    def __str__(self) -> str:
        return f"{self.token.label}, serial {self.token.serial}"


def provider_list(backend: Backend) -> ProviderList:
    """All providers, and what could not be asked; waits for silent libraries a few seconds."""
    problems = backend.providers.problems()
    candidates = tuple(
        library
        for library in backend.libraries.list()
        if library.legacy_at is None
        and library.disabled_at is None
        and backend.providers.legacy_tokens(library.id)
    )
    return ProviderList(
        rows=backend.providers.records(),
        problems=tuple((library.vendor, sentence) for library, sentence in problems),
        candidates=candidates,
        silent=any(library.disabled_at is None for library, _ in problems),
    )


def legacy_choices(backend: Backend, libraries: Sequence[Library]) -> tuple[LegacyChoice, ...]:
    """The registered tokens of these libraries; one that cannot be asked is taken to have no pad.

    For a task thread.
    """
    found = []
    for library in libraries:
        try:
            slots = backend.libraries.slots(library.id)
        except SealkeeperError:  # trying the password says what is wrong with it
            slots = ()
        pads = {slot.token for slot in slots if slot.protected_authentication_path}
        tokens = backend.providers.legacy_tokens(library.id)
        found += [LegacyChoice(library, token, token in pads) for token in tokens]
    return tuple(found)


def holder(record: ProviderRecord) -> str:
    """Where the keys of a provider live."""
    if record.library is None:
        return "Encrypted files of this computer"
    labels = ", ".join(token.label for token in record.tokens)
    return f"Token {labels}" if labels else "—"


def note(record: ProviderRecord) -> str:
    """What is to be known of a provider before it is chosen."""
    return "Out of date" if record.outdated else ""


def note_state(record: ProviderRecord) -> LinkState | None:
    """A mark for what should not be chosen any more."""
    return LinkState.WARNING if record.outdated else None


def provider_facts(record: ProviderRecord) -> tuple[tuple[str, str], ...]:
    """Everything that is known of a provider, as (name, value)."""
    library = record.library
    legacy = record.kind is ProviderKind.LEGACY
    pairs = (
        ("Kind", record.kind.value),
        ("Algorithm", algorithm_words((record.entry.algorithm,))),
        ("Keys live in", holder(record)),
        ("Library", library.spec.path if library is not None else ""),
        ("In templates and INF files", record.entry.provider),
        ("Also asked for as", ", ".join(record.aliases)),
        ("For", "Templates of schema 2, and old programs. RSA only." if legacy else ""),
        (
            "Out of date",
            "DSA was withdrawn by FIPS 186-5: for what exists already, not for new keys."
            if record.outdated
            else "",
        ),
    )
    return tuple((name, value) for name, value in pairs if value)


def restart_words(made: LegacyRegistration) -> str:
    """Which services do not know yet what was registered."""
    if not made.restart:
        return "No service runs that would have to be restarted."
    names = " and ".join(str(name) for name in made.restart)
    return f"{names} must be restarted: services know the providers from their start."


def restart_services(backend: Backend, names: Sequence[ServiceName]) -> tuple[ServiceName, ...]:
    """Stop and start services; the host that runs them opens its keys again. For a task thread."""
    for name in names:
        backend.services.stop(name)
        backend.services.start(name)
    return tuple(names)
