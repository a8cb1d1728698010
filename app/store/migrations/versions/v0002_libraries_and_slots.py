"""Disabled, logged and legacy libraries; retired keys; settings of tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; what is there keeps working as it did."""
    op.add_column("library", sa.Column("disabled_at", sa.BigInteger()))
    op.add_column("library", _flag("call_log"))
    op.add_column("library", sa.Column("legacy_at", sa.BigInteger()))
    op.add_column("registration", _flag("ask_at_start"))
    op.add_column("signer", sa.Column("key_retired_at", sa.BigInteger()))
    op.create_table(
        "token_settings",
        sa.Column(
            "library_id",
            sa.Integer(),
            sa.ForeignKey("library.id", name="fk_token_settings_library_id"),
            nullable=False,
        ),
        sa.Column("token_serial", sa.Text(), nullable=False),
        sa.Column("token_label", sa.Text(), nullable=False),
        sa.Column("lanes", sa.Integer(), nullable=False),
        sa.Column("retire_after_days", sa.Integer()),
        sa.Column("policies_confirmed_by", sa.Text()),
        sa.Column("policies_confirmed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint(
            "library_id", "token_serial", "token_label", name="pk_token_settings"
        ),
    )


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
