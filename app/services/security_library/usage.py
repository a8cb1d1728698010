"""Tells which certification authorities and responders use which keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class KeyUse:
    r"""One use of one key; `user` reads `CA Test-CA` or `OCSPSvc\Test (current)`."""

    library_path: str
    public_key_sha256: str
    user: str


def keys_in_use(tx: Transaction) -> tuple[KeyUse, ...]:
    """All keys that certification authorities and revocation configurations hold."""
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
        ]
    return tuple(uses)
