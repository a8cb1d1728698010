"""The tables as they are now; the migrations hold how they came to be."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from app.domain.authorities import AuthorityType, CrlSettings, Location, SetupType
from app.domain.events import Entity, EventLevel
from app.domain.keys import HashAlgorithm, KeyLocator
from app.domain.principals import AccountName, AuthorityAccess, PrincipalKind
from app.domain.requests import Disposition, RevocationReason
from app.domain.responder import SignerState, SigningFlag
from app.domain.services import ServiceName
from app.domain.templates import Template
from app.domain.tokens import LibraryInfo, LibrarySpec
from app.store.columns import AccountText, Choice, Document, PeriodText, Utc, Word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NAME_COLUMNS = (
    "distinguished_name",
    "common_name",
    "organization",
    "org_unit",
    "country",
    "locality",
    "state",
    "email",
)


def _needed(name: str, kind: Any, *rest: Any, **more: Any) -> Column[Any]:
    return Column(name, kind, *rest, nullable=False, **more)


def _numbered(name: str, *columns: Any) -> Table:
    """A table with an id that is never given to another row, not even after a removal."""
    identity = Column("id", Integer, primary_key=True)
    return Table(name, metadata, identity, *columns, sqlite_autoincrement=True)


def _names(prefix: str) -> list[Column[Any]]:
    return [_needed(f"{prefix}_{name}", Text) for name in NAME_COLUMNS]


change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True),
    _needed("last", BigInteger),
    CheckConstraint("id = 1", name="one_row"),
)
change = Table(
    "change",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    _needed("entity", Word(Entity)),
    _needed("key", Text),
)

library = _numbered(
    "library",
    _needed("path", Text),
    _needed("spec", Document(LibrarySpec)),
    _needed("vendor", Text),
    _needed("info", Document(LibraryInfo)),
    _needed("registered_at", Utc),
    Column("disabled_at", Utc),
    _needed("call_log", Boolean, server_default=false()),
    Column("legacy_at", Utc),
    UniqueConstraint("path"),
)
token_settings = Table(
    "token_settings",
    metadata,
    Column("library_id", Integer, ForeignKey("library.id"), primary_key=True),
    Column("token_serial", Text, primary_key=True),
    Column("token_label", Text, primary_key=True),
    _needed("lanes", Integer),
    Column("retire_after_days", Integer),
    Column("policies_confirmed_by", AccountText),
    Column("policies_confirmed_at", Utc),
)
registration = _numbered(
    "registration",
    _needed("library_id", Integer, ForeignKey("library.id")),
    _needed("token_serial", Text),
    _needed("token_label", Text),
    _needed("account", AccountText),
    _needed("account_key", Text),
    _needed("slot_hint", BigInteger),
    _needed("registered_at", Utc),
    Column("pin_refused_at", Utc),
    _needed("ask_at_start", Boolean, server_default=false()),
    UniqueConstraint("library_id", "token_serial", "token_label", "account_key"),
    Index(None, "token_serial", "token_label", "account_key"),
)

principal = Table(
    "principal",
    metadata,
    Column("account_key", Text, primary_key=True),
    _needed("account", AccountText),
    _needed("kind", Word(PrincipalKind)),
    _needed("description", Text),
    _needed("members", Document(tuple[AccountName, ...])),
)

template = Table(
    "template",
    metadata,
    Column("name_key", Text, primary_key=True),
    _needed("name", Text),
    _needed("document", Document(Template)),
)
template_version = _numbered(
    "template_version",
    _needed("name_key", Text),
    _needed("major_version", Integer),
    _needed("minor_version", Integer),
    _needed("template", Document(Template)),
    _needed("replaced_at", Utc),
    _needed("replaced_by", Text),
    Index(None, "name_key", "id"),
)

authority = _numbered(
    "authority",
    _needed("name", Text),
    _needed("name_key", Text),
    _needed("setup_type", Word(SetupType)),
    _needed("authority_type", Word(AuthorityType)),
    _needed("distinguished_name", Text),
    _needed("certificate", LargeBinary),
    _needed("key", Document(KeyLocator)),
    _needed("provider", Text),
    _needed("hash_algorithm", Word(HashAlgorithm)),
    _needed("server_dns_name", Text),
    _needed("locations", Document(tuple[Location, ...])),
    _needed("crl", Document(CrlSettings)),
    _needed("templates", Document(tuple[str, ...])),
    _needed("permissions", Document(tuple[AuthorityAccess, ...])),
    _needed("maximum_validity", PeriodText),
    _needed("started", Boolean),
    _needed("created_at", Utc),
    _needed("key_index", Integer),
    UniqueConstraint("name_key"),
)

# `common_name` is the issued one where there is one, else the requested one: what lists sort by.
request = _numbered(
    "request",
    _needed("authority_id", Integer, ForeignKey("authority.id")),
    _needed("disposition", Choice(Disposition)),
    _needed("disposition_message", Text),
    _needed("status_code", BigInteger),
    _needed("submitted_when", Utc),
    Column("resolved_when", Utc),
    _needed("requester_name", Text),
    _needed("caller_name", Text),
    _needed("template", Text),
    _needed("common_name", Text),
    *_names("request"),
    Column("serial_number", Text),
    _needed("certificate_hash", Text),
    _needed("certificate_template", Text),
    Column("not_before", Utc),
    Column("not_after", Utc),
    _needed("subject_key_identifier", Text),
    _needed("public_key_sha256", Text),
    _needed("public_key_algorithm", Text),
    _needed("public_key_length", Integer),
    *_names("issued"),
    Column("revoked_when", Utc),
    Column("revoked_effective_when", Utc),
    Column("revoked_reason", Choice(RevocationReason)),
    UniqueConstraint("authority_id", "serial_number"),
    Index(None, "authority_id", "disposition", "id"),
    Index(None, "authority_id", "disposition", "common_name", "id"),
    Index(None, "authority_id", "disposition", "not_after", "id"),
    Index(None, "certificate_hash"),
    Index(None, "not_after"),
)
request_blob = Table(
    "request_blob",
    metadata,
    Column("request_id", Integer, ForeignKey("request.id"), primary_key=True),
    _needed("raw_request", LargeBinary),
    _needed("attributes", Document(tuple[tuple[str, str], ...])),
)
certificate_blob = Table(
    "certificate_blob",
    metadata,
    Column("request_id", Integer, ForeignKey("request.id"), primary_key=True),
    _needed("raw_certificate", LargeBinary),
)

crl = _numbered(
    "crl",
    _needed("authority_id", Integer, ForeignKey("authority.id")),
    _needed("key_index", Integer),
    _needed("number", BigInteger),
    _needed("count", Integer),
    _needed("this_update", Utc),
    _needed("next_update", Utc),
    _needed("next_publish", Utc),
    _needed("publish_results", Document(tuple[tuple[str, str], ...])),
    UniqueConstraint("authority_id", "key_index", "number"),
    Index(None, "authority_id", "number"),
)
crl_blob = Table(
    "crl_blob",
    metadata,
    Column("crl_id", Integer, ForeignKey("crl.id"), primary_key=True),
    _needed("raw", LargeBinary),
)

configuration = _numbered(
    "configuration",
    _needed("name", Text),
    _needed("name_key", Text),
    _needed("authority_id", Integer, ForeignKey("authority.id")),
    _needed("ca_certificate", LargeBinary),
    _needed("signing_flags", Choice(SigningFlag)),
    _needed("template", Text),
    _needed("hash_algorithm", Word(HashAlgorithm)),
    _needed("provider", Text),
    _needed("answer_validity", PeriodText),
    UniqueConstraint("name_key"),
)
signer = _numbered(
    "signer",
    _needed("configuration_id", Integer, ForeignKey("configuration.id", ondelete="CASCADE")),
    _needed("certificate", LargeBinary),
    _needed("key", Document(KeyLocator)),
    _needed("state", Word(SignerState)),
    _needed("enrolled_at", Utc),
    _needed("not_before", Utc),
    _needed("not_after", Utc),
    Column("key_retired_at", Utc),
    Index(None, "configuration_id", "id"),
    Index(
        "ux_signer_current",
        "configuration_id",
        unique=True,
        sqlite_where=text("state = 'current'"),
    ),
)

service = Table(
    "service",
    metadata,
    Column("name", Word(ServiceName), primary_key=True),
    _needed("log_on_as", AccountText),
    _needed("started", Boolean),
)
setting = Table(
    "setting",
    metadata,
    Column("key", Text, primary_key=True),
    _needed("value", Text),
)
event = _numbered(
    "event",
    _needed("at", Utc),
    _needed("level", Word(EventLevel)),
    _needed("source", Text),
    _needed("number", Integer),
    _needed("message", Text),
    _needed("account", Text),
    _needed("subject", Text),
)
lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    _needed("holder", Text),
    _needed("expires_at", Utc),
)
