"""The principals of the directory: find them, add and remove them, change groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.errors import InUse, InvalidInput, NameInUse, NotFound, Refused
from app.domain.principals import AccountName, Principal, PrincipalKind
from app.domain.services import ServiceName

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.principals import Directory
    from app.services.events import EventService
    from app.store.database import Database, Transaction

SOURCE = "Directory"
ALL_KINDS = frozenset(PrincipalKind)
LONGEST_NAME = 256
# What an account name must not contain on Windows; `$` ends a computer's.
_FORBIDDEN = frozenset('"/[]:;|=,+*?<>@\\')


class PrincipalService:
    """Use cases of the principal picker and of `principal`; not for the GUI thread."""

    def __init__(self, database: Database, directory: Directory, events: EventService) -> None:
        self._database = database
        self._directory = directory
        self._events = events

    def list(self) -> tuple[Principal, ...]:
        """All principals, built-in ones first."""
        return self._directory.principals()

    def find(self, text: str, kinds: frozenset[PrincipalKind] = ALL_KINDS) -> Principal:
        """The principal of that name among those kinds.

        Raises:
            NotFound: none; the remedy says so when it exists but is of another kind.
            InvalidInput: the text is no account name.
        """
        return self._directory.find(text, kinds)

    def parse(self, text: str) -> AccountName:
        r"""Read `DOMAIN\name` or `name`; a principal that exists is given in its own spelling.

        Raises:
            InvalidInput: the text is no account name.
        """
        account = AccountName.parse(text, self._directory.domain)
        bare = "\\" not in text
        named = [
            each.account
            for each in self._directory.principals()
            if each.account.key == account.key
            or (bare and each.account.name.casefold() == account.name.casefold())
        ]
        exact = [each for each in named if each.key == account.key]
        return (exact or named or [account])[0]

    def add(self, account: AccountName, kind: PrincipalKind, description: str = "") -> Principal:
        """Add a principal; a computer's name gets its `$`.

        Raises:
            InvalidInput: the name is not possible.
            NameInUse: a principal of that name exists.
        """
        name = account.name.strip()
        if kind is PrincipalKind.COMPUTER and not name.endswith("$"):
            name = f"{name}$"
        bad = not name.strip("$. ") or not name.isprintable() or len(name) > LONGEST_NAME
        if bad or _FORBIDDEN & set(name + account.domain) or not account.domain.strip():
            raise InvalidInput(
                f"“{account}” is not possible as the name of a {kind}.",
                remedy="Write DOMAIN\\name or name, without punctuation but point and hyphen.",
            )
        principal = Principal(AccountName(account.domain, name), kind, description.strip())
        if any(row.account.key == principal.account.key for row in self._directory.principals()):
            raise NameInUse(f"{principal.account} exists already.", remedy="Choose another name.")
        with self._database.write() as tx:
            tx.principals.add(principal)
            self._note(tx, f"The {kind} {principal.account} was added.", principal.account)
        return principal

    def remove(self, account: AccountName) -> None:
        """Remove a principal that was added, also from its groups.

        Raises:
            NotFound: there is none.
            Refused: it is built in.
            InUse: a service logs on as it, a slot is registered for it, or it has permissions.
        """
        principal = self._directory.find(str(account), ALL_KINDS)
        if principal.builtin:
            raise Refused(f"{principal.account} is built in and cannot be removed.")
        with self._database.write() as tx:
            uses = _uses(tx, principal.account)
            if uses:
                raise InUse(
                    f"{principal.account} is still used.",
                    cause=f"It has {'; '.join(uses)}.",
                    remedy="Change these first.",
                )
            tx.principals.remove(principal.account)
            self._note(tx, f"{principal.account} was removed.", principal.account)

    def add_member(self, group: AccountName, member: AccountName) -> Principal:
        """Put a principal into a group; nothing happens when it is there.

        Raises:
            NotFound: the group or the member does not exist.
            InvalidInput: the group would hold itself.
        """
        held = self._directory.find(str(member), ALL_KINDS).account
        found = self._directory.find(str(group), frozenset({PrincipalKind.GROUP}))
        if found.account.key in _inside(self._directory.principals(), held):
            raise InvalidInput(
                f"{held} cannot become a member of {found.account}.",
                cause="The group would hold itself.",
            )
        return self._change(found, f"{held} was put into {found.account}.", _with(held))

    def remove_member(self, group: AccountName, member: AccountName) -> Principal:
        """Take a principal out of a group.

        Raises:
            NotFound: there is no such group.
            InvalidInput: it is no member that was added.
        """
        found = self._directory.find(str(group), frozenset({PrincipalKind.GROUP}))
        try:
            held = self._directory.find(str(member), ALL_KINDS).account
        except NotFound:  # it was removed meanwhile: then the name is all that is left of it
            held = self.parse(str(member))
        return self._change(found, f"{held} was taken out of {found.account}.", _without(held))

    def _change(
        self,
        group: Principal,
        message: str,
        change: Callable[[tuple[AccountName, ...]], tuple[AccountName, ...]],
    ) -> Principal:
        """Change the members that were added to a group, in one transaction."""
        with self._database.write() as tx:
            added = next(
                (row for row in tx.principals.all() if row.account.key == group.account.key), None
            )
            before = added.members if added is not None else ()
            after = change(before)
            if added is None:
                # Members added to a built-in group are kept under the group's own name.
                tx.principals.add(Principal(group.account, PrincipalKind.GROUP, group.description))
            if after != before:
                tx.principals.set_members(group.account, after)
                self._note(tx, message, group.account)
        return self._directory.find(str(group.account), frozenset({PrincipalKind.GROUP}))

    def _note(self, tx: Transaction, message: str, account: AccountName) -> None:
        self._events.note(tx, SOURCE, message, str(account))


def _inside(principals: tuple[Principal, ...], account: AccountName) -> frozenset[str]:
    """Keys of an account and of all that it holds, directly and through other groups."""
    members = {each.account.key: each.members for each in principals}
    inside: set[str] = set()
    waiting = [account.key]
    while waiting:
        key = waiting.pop()
        if key not in inside:
            inside.add(key)
            waiting.extend(each.key for each in members.get(key, ()))
    return frozenset(inside)


def _with(account: AccountName) -> Callable[[tuple[AccountName, ...]], tuple[AccountName, ...]]:
    return lambda members: (
        members if account.key in {each.key for each in members} else (*members, account)
    )


def _without(account: AccountName) -> Callable[[tuple[AccountName, ...]], tuple[AccountName, ...]]:
    def change(members: tuple[AccountName, ...]) -> tuple[AccountName, ...]:
        kept = tuple(each for each in members if each.key != account.key)
        if kept == members:
            raise InvalidInput(
                f"{account} is no member that could be taken out of this group.",
                cause="It is not in the group, or belongs to it by definition.",
            )
        return kept

    return change


def _uses(tx: Transaction, account: AccountName) -> list[str]:
    """What still refers to an account, in words."""
    uses = [
        f"the log-on of the service {name}"
        for name in ServiceName
        if tx.services.get(name).log_on_as.key == account.key
    ]
    uses += [
        f"the registered slot {row.token.label}"
        for row in tx.registrations.all()
        if row.account.key == account.key
    ]
    uses += [
        f"permissions on the template {template.display_name}"
        for template in tx.templates.all()
        if any(entry.account.key == account.key for entry in template.permissions)
    ]
    uses += [
        f"permissions on the certification authority {authority.name}"
        for authority in tx.authorities.all()
        if any(entry.account.key == account.key for entry in authority.permissions)
    ]
    return uses
