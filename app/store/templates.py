"""Certificate templates and their earlier versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from app.domain.errors import NotFound
from app.domain.events import Entity
from app.domain.templates import TemplateVersion
from app.store.schema import template, template_version

if TYPE_CHECKING:
    from app.domain.templates import Template
    from app.store.statements import Statements


class Templates:
    """Templates by name, without regard to case."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def all(self) -> tuple[Template, ...]:
        """All templates by name."""
        rows = self._statements.rows(select(template.c.document).order_by(template.c.name_key))
        return tuple(row["document"] for row in rows)

    def get(self, name: str) -> Template | None:
        """The template of that name."""
        query = select(template.c.document).where(template.c.name_key == name.casefold())
        row = self._statements.row(query)
        return None if row is None else row["document"]

    def put(self, new: Template, *, account: str = "") -> None:
        """Add a template, or replace the one of that name, whose version is kept.

        Nothing is written when it is equal to the one that is there.

        Args:
            new: the template.
            account: who replaces it, for the history; "" when nobody is to be named.
        """
        current = self.get(new.name)
        if current == new:
            return
        if current is not None:
            self._keep(current, account)
        values = {"name": new.name, "document": new}
        statement = insert(template).values(name_key=new.name.casefold(), **values)
        self._statements.run(
            statement.on_conflict_do_update(index_elements=[template.c.name_key], set_=values)
        )
        self._statements.changed(Entity.TEMPLATE, new.name)

    def remove(self, name: str, *, account: str = "") -> None:
        """Remove a template; its versions are kept.

        Raises:
            NotFound: there is none of that name.
        """
        current = self.get(name)
        if current is None:
            raise NotFound(f"There is no certificate template “{name}”.")
        self._keep(current, account)
        self._statements.run(delete(template).where(template.c.name_key == name.casefold()))
        self._statements.changed(Entity.TEMPLATE, current.name)

    def history(self, name: str) -> tuple[TemplateVersion, ...]:
        """The earlier versions of that name, newest first."""
        query = (
            select(template_version)
            .where(template_version.c.name_key == name.casefold())
            .order_by(template_version.c.id.desc())
        )
        return tuple(
            TemplateVersion(row["template"], row["replaced_at"], row["replaced_by"])
            for row in self._statements.rows(query)
        )

    def _keep(self, current: Template, account: str) -> None:
        values = {
            "name_key": current.name.casefold(),
            "major_version": current.major_version,
            "minor_version": current.minor_version,
            "template": current,
            "replaced_at": self._statements.now(),
            "replaced_by": account,
        }
        self._statements.insert(template_version, values)
