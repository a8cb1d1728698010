"""List, duplicate, change, permit and delete certificate templates."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.errors import InUse, InvalidInput, NameInUse, Refused, UnknownTemplate
from app.domain.principals import PrincipalKind, TemplateAccess, TemplateRight
from app.resources_path import resource
from app.services.templates.fields import with_fields
from app.store.builtin_templates import load_builtin_templates, template_oid_base

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.domain.principals import AccountName, Directory
    from app.domain.templates import Template
    from app.services.events import EventService
    from app.store.database import Database, Transaction

SOURCE = "Certificate Templates"
LONGEST_NAME = 64
FIRST_MAJOR_VERSION = 100
LOWEST_COPIED_SCHEMA = 2
# What a common name in a directory must not contain.
_LARGEST_ARC = 1 << 24
_FORBIDDEN = frozenset('\\/,+"<>;=#')


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateTemplate:
    """A copy to make.

    Attributes:
        source: name or display name of the template to copy.
        display_name: of the copy; "" is `Copy of <source>`.
        name: of the copy; "" is the display name without blanks.
    """

    source: str
    display_name: str = ""
    name: str = ""


class TemplateService:
    """Use cases of the node Certificate Templates; not for the GUI thread."""

    def __init__(self, database: Database, directory: Directory, events: EventService) -> None:
        self._database = database
        self._directory = directory
        self._events = events

    def install_builtin(self) -> None:
        """Add the built-in templates that are missing; what is there stays as it is."""
        with self._database.read() as tx:
            present = {template.name.casefold() for template in tx.templates.all()}
        builtin = load_builtin_templates(resource("templates"), self._directory.domain)
        if all(template.name.casefold() in present for template in builtin):
            return
        with self._database.write() as tx:
            for template in builtin:
                if tx.templates.get(template.name) is None:
                    tx.templates.put(template)

    def list(self) -> tuple[Template, ...]:
        """All templates by display name."""
        with self._database.read() as tx:
            templates = tx.templates.all()
        return tuple(sorted(templates, key=lambda template: template.display_name.casefold()))

    def get(self, name: str) -> Template:
        """The template of that name or display name, without regard to case.

        Raises:
            UnknownTemplate: there is none.
        """
        with self._database.read() as tx:
            return _find(tx, name)

    def duplicate(self, request: DuplicateTemplate) -> Template:
        """Copy a template under a new name, with an OID of its own, of schema 2 or above.

        Raises:
            UnknownTemplate: there is no such source.
            InvalidInput: the new name is not possible.
            NameInUse: the new name is taken.
        """
        with self._database.write() as tx:
            source = _find(tx, request.source)
            display_name = request.display_name.strip() or f"Copy of {source.display_name}"
            name = request.name.strip() or "".join(display_name.split())
            _check_names(tx, name, display_name)
            copy = replace(
                source,
                name=name,
                display_name=display_name,
                oid=self._fresh_oid(),
                schema_version=max(source.schema_version, LOWEST_COPIED_SCHEMA),
                major_version=FIRST_MAJOR_VERSION,
                minor_version=0,
                builtin=False,
            )
            tx.templates.put(copy)
            message = f"The template {display_name} was made from {source.display_name}."
            self._events.note(tx, SOURCE, message, name)
        return copy

    def save(self, template: Template) -> Template:
        """Replace the template of that name and raise its minor version.

        Name, OID, schema, major version and subject type stay as they are.

        Raises:
            UnknownTemplate: it was deleted meanwhile.
            InvalidInput: fields do not fit together; the cause lists what is wrong.
            NameInUse: another template has the display name.
            Refused: it was changed meanwhile, or is of schema 1, of which only permissions change.
        """

        def change(stored: Template) -> Template:
            if template.minor_version != stored.minor_version:
                raise Refused(
                    f"The template {stored.display_name} was changed meanwhile.",
                    cause=f"It has version {stored.major_version}.{stored.minor_version} now.",
                    remedy="Open it again and repeat the change.",
                )
            return template

        return self._change(template.name, change)

    def set_fields(self, name: str, fields: Mapping[str, str]) -> Template:
        """Change fields given as text, such as `validity` to `4 hours`; lists are separated by `;`.

        Raises:
            UnknownTemplate: there is no such template.
            InvalidInput: an unknown field, a value it does not take, or fields that do not fit
                together.
            NameInUse, Refused: as `save`.
        """
        return self._change(name, lambda stored: with_fields(stored, fields))

    def permit(
        self,
        name: str,
        account: AccountName,
        *,
        add: TemplateRight,
        remove: TemplateRight = TemplateRight.NONE,
    ) -> Template:
        """Give a principal permissions and take others away; the version stays.

        Raises:
            UnknownTemplate: there is no such template.
            NotFound: there is no such principal to give permissions to.
            InvalidInput: a permission is both given and taken, or none is.
        """
        if add & remove or not add | remove:
            raise InvalidInput(
                "It is not clear which permissions are meant.",
                remedy="Name those to give and those to take away, each once.",
            )
        if add:
            account = self._directory.find(str(account), frozenset(PrincipalKind)).account

        def change(stored: Template) -> Template:
            kept = tuple(row for row in stored.permissions if row.account.key != account.key)
            before = next(
                (row.allow for row in stored.permissions if row.account.key == account.key),
                TemplateRight.NONE,
            )
            allowed = (before | add) & ~remove
            entries = (*kept, TemplateAccess(account, allowed)) if allowed else kept
            if allowed == before:
                return stored
            return replace(stored, permissions=entries)

        return self._change(name, change)

    def delete(self, name: str) -> None:
        """Delete a template for good.

        Raises:
            UnknownTemplate: there is no such template.
            Refused: it is built in.
            InUse: a CA issues it or a revocation configuration enrolls by it.
        """
        with self._database.write() as tx:
            template = _find(tx, name)
            if template.builtin:
                raise Refused(
                    f"The template {template.display_name} is built in.",
                    remedy="Take it away from the certification authorities instead.",
                )
            users = _users(tx, template.name)
            if users:
                raise InUse(
                    f"The template {template.display_name} is in use.",
                    cause=f"It is used by {', '.join(users)}.",
                    remedy="Take it away there first.",
                )
            tx.templates.remove(template.name, account=self._account())
            message = f"The template {template.display_name} was deleted."
            self._events.note(tx, SOURCE, message, template.name)

    def _change(self, name: str, change: Callable[[Template], Template]) -> Template:
        """Read, change, check and write in one transaction."""
        with self._database.write() as tx:
            stored = _find(tx, name)
            wanted = change(stored)
            changed = replace(
                wanted,
                name=stored.name,
                oid=stored.oid,
                schema_version=stored.schema_version,
                major_version=stored.major_version,
                minor_version=stored.minor_version,
                subject_type=stored.subject_type,
                builtin=stored.builtin,
            )
            if changed == stored:
                return stored
            if replace(changed, permissions=stored.permissions) != stored:
                _check_content(tx, stored, changed)
                changed = replace(changed, minor_version=stored.minor_version + 1)
                message = (
                    f"The template {changed.display_name} was changed; it has version "
                    f"{changed.major_version}.{changed.minor_version}."
                )
            else:
                message = f"The permissions of the template {changed.display_name} were changed."
            tx.templates.put(changed, account=self._account())
            self._events.note(tx, SOURCE, message, changed.name)
        return changed

    def _fresh_oid(self) -> str:
        """A template OID of this domain, followed by two random arcs as in AD CS."""
        arcs = [str(secrets.randbelow(_LARGEST_ARC) + 1) for _ in range(2)]
        return ".".join([template_oid_base(self._directory.domain), *arcs])

    def _account(self) -> str:
        return str(self._directory.current_account())


def _find(tx: Transaction, name: str) -> Template:
    wanted = name.strip().casefold()
    found = tx.templates.get(wanted)
    if found is not None:
        return found
    for template in tx.templates.all():
        if template.display_name.casefold() == wanted:
            return template
    raise UnknownTemplate(
        f"There is no certificate template “{name}”.",
        remedy="Name one of the list of certificate templates.",
    )


def _check_names(tx: Transaction, name: str, display_name: str) -> None:
    if not name.isprintable() or len(name) > LONGEST_NAME or _FORBIDDEN & set(name):
        raise InvalidInput(
            f"“{name[:LONGEST_NAME]}” is not possible as the name of a template.",
            remedy=f"Use up to {LONGEST_NAME} letters, digits, blanks, points and hyphens.",
        )
    if len(display_name) > LONGEST_NAME or not display_name.isprintable():
        raise InvalidInput(
            f"“{display_name[:LONGEST_NAME]}” is not possible as a display name.",
            remedy=f"Use up to {LONGEST_NAME} characters.",
        )
    _refuse_taken(tx, {name.casefold(), display_name.casefold()}, display_name)


def _refuse_taken(tx: Transaction, names: set[str], display_name: str, own: str = "") -> None:
    for template in tx.templates.all():
        if template.name != own and names & {
            template.name.casefold(),
            template.display_name.casefold(),
        }:
            raise NameInUse(
                f"A template “{display_name}” exists already.",
                cause=f"{template.display_name} has the name {template.name}.",
                remedy="Choose another name.",
            )


def _check_content(tx: Transaction, stored: Template, changed: Template) -> None:
    if stored.schema_version == 1:
        raise Refused(
            f"Only the permissions of the template {stored.display_name} can be changed.",
            cause="It is a built-in template of schema version 1.",
            remedy="Duplicate it and change the copy.",
        )
    problems = changed.problems()
    if problems:
        raise InvalidInput(
            f"The template {stored.display_name} was not changed.",
            cause=" ".join(sentence for _, sentence in problems),
            remedy="Correct these fields.",
        )
    if changed.display_name.casefold() != stored.display_name.casefold():
        _refuse_taken(tx, {changed.display_name.casefold()}, changed.display_name, stored.name)


def _users(tx: Transaction, name: str) -> list[str]:
    wanted = name.casefold()
    users = [
        f"CA {authority.name}"
        for authority in tx.authorities.all()
        if wanted in {issued.casefold() for issued in authority.templates}
    ]
    users += [
        f"revocation configuration {configuration.name}"
        for configuration in tx.configurations.all()
        if configuration.template.casefold() == wanted
    ]
    return users
