"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NAME_COLUMNS = (
    "distinguished_name",
    "common_name",
    "organization",
    "org_unit",
    "country",
    "locality",
    "state",
    "email",
)


def upgrade() -> None:
    """Make all tables and the one row that numbers the changes."""
    _make_changes()
    _make_libraries()
    _make_principals_and_templates()
    _make_authorities()
    _make_requests()
    _make_responder()
    _make_the_rest()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _names(prefix: str) -> list[sa.Column[str]]:
    return [_text(f"{prefix}_{name}") for name in _NAME_COLUMNS]


def _reference(
    table: str, name: str, target: str, *, ondelete: str | None = None
) -> sa.Column[int]:
    key = sa.ForeignKey(target, name=f"fk_{table}_{name}", ondelete=ondelete)
    return sa.Column(name, sa.Integer(), key, nullable=False)


def _make_changes() -> None:
    op.create_table(
        "change_counter",
        _id(),
        _big("last"),
        sa.CheckConstraint("id = 1", name="ck_change_counter_one_row"),
    )
    op.execute("INSERT INTO change_counter (id, last) VALUES (1, 0)")
    op.create_table(
        "change",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        _text("entity"),
        _text("key"),
    )


def _make_libraries() -> None:
    op.create_table(
        "library",
        _id(),
        _text("path"),
        _text("spec"),
        _text("vendor"),
        _text("info"),
        _big("registered_at"),
        sa.UniqueConstraint("path", name="uq_library_path"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "registration",
        _id(),
        _reference("registration", "library_id", "library.id"),
        _text("token_serial"),
        _text("token_label"),
        _text("account"),
        _text("account_key"),
        _big("slot_hint"),
        _big("registered_at"),
        _big("pin_refused_at", nullable=True),
        sa.UniqueConstraint(
            "library_id",
            "token_serial",
            "token_label",
            "account_key",
            name="uq_registration_library_id_token_serial_token_label_account_key",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_registration_token_serial_token_label_account_key",
        "registration",
        ["token_serial", "token_label", "account_key"],
    )


def _make_principals_and_templates() -> None:
    op.create_table(
        "principal",
        sa.Column("account_key", sa.Text(), primary_key=True),
        _text("account"),
        _text("kind"),
        _text("description"),
        _text("members"),
    )
    op.create_table(
        "template",
        sa.Column("name_key", sa.Text(), primary_key=True),
        _text("name"),
        _text("document"),
    )
    op.create_table(
        "template_version",
        _id(),
        _text("name_key"),
        _number("major_version"),
        _number("minor_version"),
        _text("template"),
        _big("replaced_at"),
        _text("replaced_by"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_template_version_name_key_id", "template_version", ["name_key", "id"])


def _make_authorities() -> None:
    op.create_table(
        "authority",
        _id(),
        _text("name"),
        _text("name_key"),
        _text("setup_type"),
        _text("authority_type"),
        _text("distinguished_name"),
        _blob("certificate"),
        _text("key"),
        _text("provider"),
        _text("hash_algorithm"),
        _text("server_dns_name"),
        _text("locations"),
        _text("crl"),
        _text("templates"),
        _text("permissions"),
        _text("maximum_validity"),
        _flag("started"),
        _big("created_at"),
        _number("key_index"),
        sa.UniqueConstraint("name_key", name="uq_authority_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crl",
        _id(),
        _reference("crl", "authority_id", "authority.id"),
        _number("key_index"),
        _big("number"),
        _number("count"),
        _big("this_update"),
        _big("next_update"),
        _big("next_publish"),
        _text("publish_results"),
        sa.UniqueConstraint(
            "authority_id", "key_index", "number", name="uq_crl_authority_id_key_index_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_crl_authority_id_number", "crl", ["authority_id", "number"])
    op.create_table(
        "crl_blob",
        sa.Column(
            "crl_id",
            sa.Integer(),
            sa.ForeignKey("crl.id", name="fk_crl_blob_crl_id"),
            primary_key=True,
        ),
        _blob("raw"),
    )


def _make_requests() -> None:
    op.create_table(
        "request",
        _id(),
        _reference("request", "authority_id", "authority.id"),
        _number("disposition"),
        _text("disposition_message"),
        _big("status_code"),
        _big("submitted_when"),
        _big("resolved_when", nullable=True),
        _text("requester_name"),
        _text("caller_name"),
        _text("template"),
        _text("common_name"),
        *_names("request"),
        _text("serial_number", nullable=True),
        _text("certificate_hash"),
        _text("certificate_template"),
        _big("not_before", nullable=True),
        _big("not_after", nullable=True),
        _text("subject_key_identifier"),
        _text("public_key_sha256"),
        _text("public_key_algorithm"),
        _number("public_key_length"),
        *_names("issued"),
        _big("revoked_when", nullable=True),
        _big("revoked_effective_when", nullable=True),
        _number("revoked_reason", nullable=True),
        sa.UniqueConstraint(
            "authority_id", "serial_number", name="uq_request_authority_id_serial_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_request_authority_id_disposition_common_name_id",
        "request",
        ["authority_id", "disposition", "common_name", "id"],
    )
    op.create_index(
        "ix_request_authority_id_disposition_id", "request", ["authority_id", "disposition", "id"]
    )
    op.create_index(
        "ix_request_authority_id_disposition_not_after_id",
        "request",
        ["authority_id", "disposition", "not_after", "id"],
    )
    op.create_index("ix_request_certificate_hash", "request", ["certificate_hash"])
    op.create_index("ix_request_not_after", "request", ["not_after"])
    op.create_table(
        "request_blob",
        sa.Column(
            "request_id",
            sa.Integer(),
            sa.ForeignKey("request.id", name="fk_request_blob_request_id"),
            primary_key=True,
        ),
        _blob("raw_request"),
        _text("attributes"),
    )
    op.create_table(
        "certificate_blob",
        sa.Column(
            "request_id",
            sa.Integer(),
            sa.ForeignKey("request.id", name="fk_certificate_blob_request_id"),
            primary_key=True,
        ),
        _blob("raw_certificate"),
    )


def _make_responder() -> None:
    op.create_table(
        "configuration",
        _id(),
        _text("name"),
        _text("name_key"),
        _reference("configuration", "authority_id", "authority.id"),
        _blob("ca_certificate"),
        _number("signing_flags"),
        _text("template"),
        _text("hash_algorithm"),
        _text("provider"),
        _text("answer_validity"),
        sa.UniqueConstraint("name_key", name="uq_configuration_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "signer",
        _id(),
        _reference("signer", "configuration_id", "configuration.id", ondelete="CASCADE"),
        _blob("certificate"),
        _text("key"),
        _text("state"),
        _big("enrolled_at"),
        _big("not_before"),
        _big("not_after"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_signer_configuration_id_id", "signer", ["configuration_id", "id"])
    op.create_index(
        "ux_signer_current",
        "signer",
        ["configuration_id"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
    )


def _make_the_rest() -> None:
    op.create_table(
        "service",
        sa.Column("name", sa.Text(), primary_key=True),
        _text("log_on_as"),
        _flag("started"),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.Text(), primary_key=True),
        _text("value"),
    )
    op.create_table(
        "event",
        _id(),
        _big("at"),
        _text("level"),
        _text("source"),
        _number("number"),
        _text("message"),
        _text("account"),
        _text("subject"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), primary_key=True),
        _text("holder"),
        _big("expires_at"),
    )
