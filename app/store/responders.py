"""Revocation configurations and their signing certificates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from app.domain.errors import NameInUse, NotFound
from app.domain.events import Entity
from app.domain.ids import ConfigurationId, SignerId
from app.domain.responder import RevocationConfiguration, SignerState, SigningCertificate
from app.store.schema import configuration, signer
from app.store.statements import to_record, to_values, unique_or, unneeded_or

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.domain.keys import KeyLocator
    from app.store.statements import Statements


class Configurations:
    """Revocation configurations, named without regard to case."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, new: RevocationConfiguration) -> RevocationConfiguration:
        """Add a configuration given with id 0; returns it with its id.

        Raises:
            NameInUse: one of that name exists.
            NotFound: there is no such CA.
        """
        with unneeded_or(_no_authority(new)), unique_or(_taken(new.name)):
            identity = ConfigurationId(self._statements.insert(configuration, _values(new)))
        self._statements.changed(Entity.CONFIGURATION, identity)
        return replace(new, id=identity)

    def get(self, configuration_id: ConfigurationId) -> RevocationConfiguration:
        """The configuration of that id.

        Raises:
            NotFound: there is none.
        """
        query = select(configuration).where(configuration.c.id == configuration_id)
        row = self._statements.row(query)
        if row is None:
            raise _no_configuration(configuration_id)
        return to_record(RevocationConfiguration, row)

    def by_name(self, name: str) -> RevocationConfiguration | None:
        """The configuration of that name."""
        query = select(configuration).where(configuration.c.name_key == name.casefold())
        row = self._statements.row(query)
        return None if row is None else to_record(RevocationConfiguration, row)

    def all(self) -> tuple[RevocationConfiguration, ...]:
        """All configurations in the order of their creation."""
        rows = self._statements.rows(select(configuration).order_by(configuration.c.id))
        return tuple(to_record(RevocationConfiguration, row) for row in rows)

    def update(self, changed: RevocationConfiguration) -> None:
        """Replace the configuration of that id.

        Raises:
            NotFound: there is none of that id, or no such CA.
            NameInUse: another has its name.
        """
        with unneeded_or(_no_authority(changed)), unique_or(_taken(changed.name)):
            found = self._statements.update(configuration, changed.id, _values(changed))
        if not found:
            raise _no_configuration(changed.id)
        self._statements.changed(Entity.CONFIGURATION, changed.id)

    def remove(self, configuration_id: ConfigurationId) -> None:
        """Remove a configuration and the rows of its signing certificates.

        Raises:
            NotFound: there is none of that id.
        """
        if not self._statements.remove(configuration, configuration_id):
            raise _no_configuration(configuration_id)
        self._statements.changed(Entity.CONFIGURATION, configuration_id)


class Signers:
    """Signing certificates; a configuration has one current one at the most."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, new: SigningCertificate) -> SigningCertificate:
        """Add a signing certificate given with id 0; returns it with its id.

        Where it is the current one, those before it become earlier ones.

        Raises:
            NotFound: there is no such configuration.
        """
        if new.state is SignerState.CURRENT:
            self._retire(new.configuration_id)
        with unneeded_or(_no_configuration(new.configuration_id)):
            identity = SignerId(self._statements.insert(signer, to_values(new)))
        self._statements.changed(Entity.SIGNER, identity)
        return replace(new, id=identity)

    def current(self, configuration_id: ConfigurationId) -> SigningCertificate | None:
        """The signing certificate in use."""
        query = select(signer).where(
            signer.c.configuration_id == configuration_id, signer.c.state == SignerState.CURRENT
        )
        row = self._statements.row(query)
        return None if row is None else to_record(SigningCertificate, row)

    def all(self, configuration_id: ConfigurationId) -> tuple[SigningCertificate, ...]:
        """All signing certificates of a configuration, newest first."""
        query = (
            select(signer)
            .where(signer.c.configuration_id == configuration_id)
            .order_by(signer.c.id.desc())
        )
        return tuple(to_record(SigningCertificate, row) for row in self._statements.rows(query))

    def make_current(self, signer_id: SignerId) -> None:
        """Put one in use; the others of its configuration become earlier ones.

        Raises:
            NotFound: there is none of that id.
        """
        query = select(signer.c.configuration_id).where(signer.c.id == signer_id)
        row = self._statements.row(query)
        if row is None:
            raise _no_signer(signer_id)
        self._retire(row["configuration_id"])
        self._statements.update(signer, signer_id, {"state": SignerState.CURRENT})
        self._statements.changed(Entity.SIGNER, signer_id)

    def set_key(self, signer_id: SignerId, key: KeyLocator) -> None:
        """Keep how the key of a signing certificate is found from now on.

        Raises:
            NotFound: there is none of that id.
        """
        self._update(signer_id, {"key": key})

    def set_key_retired(self, signer_id: SignerId, at: datetime) -> None:
        """Keep when the key of a signing certificate that is past was deleted.

        Raises:
            NotFound: there is none of that id.
        """
        self._update(signer_id, {"key_retired_at": at})

    def _update(self, signer_id: SignerId, values: Mapping[str, Any]) -> None:
        if not self._statements.update(signer, signer_id, values):
            raise _no_signer(signer_id)
        self._statements.changed(Entity.SIGNER, signer_id)

    def remove(self, signer_id: SignerId) -> None:
        """Forget a signing certificate.

        Raises:
            NotFound: there is none of that id.
        """
        if not self._statements.remove(signer, signer_id):
            raise _no_signer(signer_id)
        self._statements.changed(Entity.SIGNER, signer_id)

    def _retire(self, configuration_id: ConfigurationId) -> None:
        statement = (
            update(signer)
            .where(
                signer.c.configuration_id == configuration_id,
                signer.c.state == SignerState.CURRENT,
            )
            .values(state=SignerState.EARLIER)
            .returning(signer.c.id)
        )
        for row in self._statements.rows(statement):
            self._statements.changed(Entity.SIGNER, row["id"])


def _values(record: RevocationConfiguration) -> Mapping[str, Any]:
    return {**to_values(record), "name_key": record.name.casefold()}


def _taken(name: str) -> NameInUse:
    return NameInUse(
        f"A revocation configuration named “{name}” exists already.",
        remedy="Choose another name.",
    )


def _no_authority(record: RevocationConfiguration) -> NotFound:
    return NotFound(f"There is no certification authority {record.authority_id}.")


def _no_configuration(configuration_id: ConfigurationId) -> NotFound:
    return NotFound(f"There is no revocation configuration {configuration_id}.")


def _no_signer(signer_id: SignerId) -> NotFound:
    return NotFound(f"There is no signing certificate {signer_id}.")
