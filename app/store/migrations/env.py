"""Runs migrations on the connection it is given, each in a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic import context
from sqlalchemy.exc import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from alembic.runtime.migration import MigrationContext, MigrationInfo

connection = context.config.attributes["connection"]


def check_references(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """Undo a migration that leaves a reference to a row that is gone."""
    del ctx, heads, run_args
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        reason = ValueError(
            f"migration {step.up_revision_id} breaks references of {len(broken)} rows"
        )
        raise DatabaseError("PRAGMA foreign_key_check", None, reason)


context.configure(
    connection=connection,
    transaction_per_migration=True,
    # SQLite's definitions are transactional when the driver does not commit by itself.
    transactional_ddl=True,
    render_as_batch=True,
    on_version_apply=check_references,
)
with context.begin_transaction():
    context.run_migrations()
