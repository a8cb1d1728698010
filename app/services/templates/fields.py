"""Reads the fields of a template from text, as the command line and the built-in set give them."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from app.domain.errors import InvalidInput
from app.domain.keys import KEY_BITS, HashAlgorithm, KeyAlgorithm
from app.domain.periods import Period
from app.domain.templates import (
    APPLICATION_POLICIES,
    AlternateName,
    KeyUsage,
    SubjectFormat,
    SubjectSource,
)
from app.services.security_library.key_access import bare_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.domain.templates import Template

_Word = TypeVar("_Word", bound=StrEnum)

SMALLEST_RSA = 2048
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_OID = re.compile(r"[012](\.(0|[1-9]\d*)){1,30}")
_POLICIES = {name.casefold(): oid for oid, name in APPLICATION_POLICIES.items()}


def with_fields(template: Template, fields: Mapping[str, str]) -> Template:
    """The template with fields read from text; whether they fit together is not looked at.

    Lists are separated by `;`. Choosing an algorithm sets the minimum key size to that
    algorithm's own where the size is not given too.

    Raises:
        InvalidInput: an unknown field, or a value that the field does not take.
    """
    changes: dict[str, Any] = {}
    for given, text in fields.items():
        name = given.strip().lower().replace("-", "_")
        parse = _FIELDS.get(name)
        if parse is None:
            raise InvalidInput(
                f"A template has no field “{given}”.",
                remedy=f"The fields are {', '.join(sorted(_FIELDS))}.",
            )
        try:
            changes[name] = parse(text.strip())
        except InvalidInput as error:
            raise InvalidInput(
                f"The field {name} does not take “{text}”.",
                cause=error.message,
                remedy=error.remedy,
            ) from error
    if "algorithm" in changes and changes["algorithm"] is not template.algorithm:
        changes.setdefault("minimum_key_size", KEY_BITS[changes["algorithm"]][0])
    return replace(template, **changes)


def parse_word(kind: type[_Word], text: str) -> _Word:
    """A member of an enumeration by its value or its name, without regard to case.

    Raises:
        InvalidInput: there is none; the remedy lists them.
    """
    wanted = text.casefold()
    for member in kind:
        if wanted in {member.value.casefold(), member.name.casefold()}:
            return member
    raise InvalidInput(f"“{text}” is not known.", remedy=f"Choose one of {', '.join(kind)}.")


def _word(kind: type[_Word]) -> Callable[[str], _Word]:
    return lambda text: parse_word(kind, text)


def _words(kind: type[_Word]) -> Callable[[str], tuple[_Word, ...]]:
    return lambda text: tuple(dict.fromkeys(parse_word(kind, part) for part in _parts(text)))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise InvalidInput("A template needs a name.", remedy="Give a name.")
    return text


def _switch(text: str) -> bool:
    if text.casefold() in _TRUE | _FALSE:
        return text.casefold() in _TRUE
    raise InvalidInput("It is neither on nor off.", remedy="Write true or false.")


def _number(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    raise InvalidInput("It is not a number.", remedy="Give a whole number.")


def _path_length(text: str) -> int | None:
    return None if text.casefold() in {"", "none"} else _number(text)


def _policy(text: str) -> str:
    oid = _POLICIES.get(text.casefold(), text)
    if _OID.fullmatch(oid):
        return oid
    raise InvalidInput(
        f"“{text}” is not an object identifier.",
        remedy=f"Write it in digits and dots, or one of {', '.join(_POLICIES)}.",
    )


def _policies(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_policy(part) for part in _parts(text)))


def _providers(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bare_name(part) for part in _parts(text)))


_FIELDS: Mapping[str, Callable[[str], Any]] = {
    "display_name": _name,
    "validity": Period.parse,
    "renewal": Period.parse,
    "publish_to_directory": _switch,
    "algorithm": _word(KeyAlgorithm),
    "minimum_key_size": _number,
    "providers": _providers,
    "request_hash": _word(HashAlgorithm),
    "subject_source": _word(SubjectSource),
    "subject_format": _word(SubjectFormat),
    "alternate_names": _words(AlternateName),
    "key_usage": lambda text: frozenset(_words(KeyUsage)(text)),
    "application_policies": _policies,
    "path_length": _path_length,
    "ocsp_no_check": _switch,
    "no_revocation_information": _switch,
    "manager_approval": _switch,
    "renew_with_same_key": _switch,
}
FIELD_NAMES = tuple(_FIELDS)
