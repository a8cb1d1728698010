"""Certification authorities and their CRLs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, literal, select

from app.domain.authorities import Authority, Crl
from app.domain.errors import NameInUse, NotFound
from app.domain.events import Entity
from app.domain.ids import AuthorityId, CrlId
from app.store.schema import authority, crl, crl_blob
from app.store.statements import to_record, to_values, unique_or, unneeded_or

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.store.statements import Statements


class Authorities:
    """Certification authorities, named without regard to case."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, new: Authority) -> Authority:
        """Add a CA given with id 0; returns it with its id.

        Raises:
            NameInUse: a CA of that name exists.
        """
        with unique_or(_taken(new.name)):
            identity = AuthorityId(self._statements.insert(authority, _values(new)))
        self._statements.changed(Entity.AUTHORITY, identity)
        return replace(new, id=identity)

    def get(self, authority_id: AuthorityId) -> Authority:
        """The CA of that id.

        Raises:
            NotFound: there is none.
        """
        row = self._statements.row(select(authority).where(authority.c.id == authority_id))
        if row is None:
            raise _no_authority(authority_id)
        return to_record(Authority, row)

    def by_name(self, name: str) -> Authority | None:
        """The CA of that name."""
        query = select(authority).where(authority.c.name_key == name.casefold())
        row = self._statements.row(query)
        return None if row is None else to_record(Authority, row)

    def all(self) -> tuple[Authority, ...]:
        """All CAs in the order of their creation."""
        rows = self._statements.rows(select(authority).order_by(authority.c.id))
        return tuple(to_record(Authority, row) for row in rows)

    def update(self, changed: Authority) -> None:
        """Replace the CA of that id.

        Raises:
            NotFound: there is none of that id.
            NameInUse: another CA has its name.
        """
        with unique_or(_taken(changed.name)):
            found = self._statements.update(authority, changed.id, _values(changed))
        if not found:
            raise _no_authority(changed.id)
        self._statements.changed(Entity.AUTHORITY, changed.id)


class Crls:
    """Signed CRLs, one number a CA key."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, new: Crl) -> Crl:
        """Keep a CRL given with id 0; returns it with its id.

        Raises:
            NameInUse: the CA's key has a CRL of that number.
            NotFound: there is no such CA.
        """
        taken = NameInUse(f"A CRL numbered {new.number} of that CA exists already.")
        with unneeded_or(_no_authority(new.authority_id)), unique_or(taken):
            identity = CrlId(self._statements.insert(crl, to_values(new, without=("id", "raw"))))
        self._statements.run(insert(crl_blob).values(crl_id=identity, raw=new.raw))
        self._statements.changed(Entity.CRL, identity)
        return replace(new, id=identity)

    def latest(self, authority_id: AuthorityId, key_index: int = 0) -> Crl | None:
        """The CRL of the highest number of one key of a CA."""
        query = (
            select(crl, crl_blob.c.raw)
            .join(crl_blob)
            .where(crl.c.authority_id == authority_id, crl.c.key_index == key_index)
            .order_by(crl.c.number.desc())
            .limit(1)
        )
        row = self._statements.row(query)
        return None if row is None else to_record(Crl, row)

    def all(self, authority_id: AuthorityId) -> tuple[Crl, ...]:
        """All CRLs of a CA, newest first, with an empty `raw`: that comes from `raw()`."""
        query = (
            select(crl, literal(b"").label("raw"))
            .where(crl.c.authority_id == authority_id)
            .order_by(crl.c.number.desc(), crl.c.key_index.desc())
        )
        return tuple(to_record(Crl, row) for row in self._statements.rows(query))

    def raw(self, crl_id: CrlId) -> bytes:
        """DER of one CRL.

        Raises:
            NotFound: there is none of that id.
        """
        row = self._statements.row(select(crl_blob.c.raw).where(crl_blob.c.crl_id == crl_id))
        if row is None:
            raise _no_crl(crl_id)
        return bytes(row["raw"])

    def next_number(self, authority_id: AuthorityId) -> int:
        """The number of the CA's next CRL: one more than the highest of all its keys."""
        query = select(func.max(crl.c.number)).where(crl.c.authority_id == authority_id)
        return int(self._statements.run(query).scalar_one() or 0) + 1


def _values(record: Authority) -> Mapping[str, Any]:
    return {**to_values(record), "name_key": record.name.casefold()}


def _taken(name: str) -> NameInUse:
    return NameInUse(
        f"A certification authority named “{name}” exists already.",
        remedy="Choose another common name.",
    )


def _no_authority(authority_id: AuthorityId) -> NotFound:
    return NotFound(f"There is no certification authority {authority_id}.")


def _no_crl(crl_id: CrlId) -> NotFound:
    return NotFound(f"There is no CRL {crl_id}.")
