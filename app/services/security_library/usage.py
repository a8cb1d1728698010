"""Tells which certification authorities and responders use which keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.domain.libraries import Library
    from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class KeyUse:
    r"""One use of one key; `user` reads `CA Test-CA` or `OCSPSvc\Test (current)`."""

    library_path: str
    public_key_sha256: str
    user: str


def keys_in_use(tx: Transaction) -> tuple[KeyUse, ...]:
    """All keys that certification authorities and revocation configurations hold.

    A key that was retired is not there any more, so it is left out.
    """
    uses = [
        KeyUse(row.key.library_path, row.key.public_key_sha256, f"CA {row.name}")
        for row in tx.authorities.all()
    ]
    for configuration in tx.configurations.all():
        uses += [
            KeyUse(
                signer.key.library_path,
                signer.key.public_key_sha256,
                f"OCSPSvc\\{configuration.name} ({signer.state})",
            )
            for signer in tx.signers.all(configuration.id)
            if signer.key_retired_at is None
        ]
    return tuple(uses)


def library_dependents(tx: Transaction, library: Library) -> tuple[str, ...]:
    r"""What stops working without a library, each as `slot Partition of NT AUTHORITY\SYSTEM`."""
    found = [
        f"slot {row.token.label} of {row.account}"
        for row in tx.registrations.for_library(library.id)
    ]
    found += [use.user for use in keys_in_use(tx) if use.library_path == library.spec.path]
    names = {library.provider_name}
    if library.legacy_at is not None:
        names.add(library.legacy_name)
    found += [
        f"template {template.display_name}"
        for template in tx.templates.all()
        if names & set(template.providers)
    ]
    found += [
        f"revocation configuration {configuration.name}"
        for configuration in tx.configurations.all()
        if configuration.provider in names
    ]
    return tuple(dict.fromkeys(found))
