"""The attributes that new keys are made with, in the few forms that tokens accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hsm import codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.hsm.child.cryptoki import AttributeValue
    from app.hsm.messages import Generate

# Answers to a template, after which a smaller one may be taken.
TEMPLATE_REFUSALS = frozenset(
    {
        codes.ATTRIBUTE_READ_ONLY,
        codes.ATTRIBUTE_TYPE_INVALID,
        codes.ATTRIBUTE_VALUE_INVALID,
        codes.TEMPLATE_INCONSISTENT,
    }
)
# Answers that mean: not with this curve, or not with this way of naming it.
CURVE_REFUSALS = frozenset({codes.CURVE_NOT_SUPPORTED, codes.DOMAIN_PARAMS_INVALID})

# PKCS#11 3.0 §2.3.5 lets Edwards curves be named by OID (RFC 8410) or by a PrintableString.
_NAMED_CURVES = {bytes.fromhex("06032b6570"): b"\x13\x0cedwards25519"}

# What is left unsaid from one try to the next, as tokens are known to stumble: over uses that a
# signing key does not have (most would otherwise allow them), over what private keys are anyway,
# over their protection. What came of it is looked at by the parent.
_USES = frozenset({codes.ENCRYPT, codes.DECRYPT, codes.WRAP, codes.UNWRAP})
_UNSAID: tuple[frozenset[int], ...] = (
    frozenset(),
    _USES,
    _USES | {codes.PRIVATE, codes.VERIFY},
    _USES | {codes.SENSITIVE},
    _USES | {codes.EXTRACTABLE},
    _USES | {codes.PRIVATE, codes.VERIFY, codes.SENSITIVE, codes.EXTRACTABLE},
)

Template = dict[int, "AttributeValue"]


def templates(request: Generate) -> Iterator[tuple[Template, Template]]:
    """Templates of the public and the private key: on the token, for signatures only.

    The strictest first; others say less, as some tokens do not let everything be said.
    """
    public, private = _public(request), _private(request)
    for unsaid in _UNSAID:
        yield (
            {number: value for number, value in public.items() if number not in unsaid},
            {number: value for number, value in private.items() if number not in unsaid},
        )


def curve_names(curve: bytes) -> tuple[bytes, ...]:
    """The ways to write CKA_EC_PARAMS for a curve that is given by its OID."""
    other = _NAMED_CURVES.get(curve)
    return (curve,) if other is None else (curve, other)


def attribute_names(public: Template, private: Template) -> str:
    """Which attributes were asked for, by name and without values."""

    def names(template: Template) -> str:
        return ", ".join(codes.ATTRIBUTE_NAMES.get(n, f"0x{n:08X}") for n in template)

    return f"public key: {names(public)}\nprivate key: {names(private)}"


def _shared(request: Generate) -> Template:
    return {
        codes.TOKEN: True,
        codes.LABEL: request.label.encode(),
        codes.ID: request.cka_id,
    }


def _private(request: Generate) -> Template:
    return {
        **_shared(request),
        codes.PRIVATE: True,
        codes.SENSITIVE: True,
        codes.EXTRACTABLE: False,
        codes.SIGN: True,
        codes.DECRYPT: False,
        codes.UNWRAP: False,
    }


def _public(request: Generate) -> Template:
    shared: Template = {**_shared(request), codes.VERIFY: True}
    shared |= {codes.ENCRYPT: False, codes.WRAP: False}
    if request.kind == "RSA":
        return shared | {codes.MODULUS_BITS: request.bits, codes.PUBLIC_EXPONENT: b"\x01\x00\x01"}
    if request.kind == "DSA":
        prime, subprime, base = request.parameters or (b"", b"", b"")
        return shared | {codes.PRIME: prime, codes.SUBPRIME: subprime, codes.BASE: base}
    return shared | {codes.EC_PARAMS: request.curve}
