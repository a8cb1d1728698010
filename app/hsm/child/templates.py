"""The attributes that new keys are made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hsm import codes

if TYPE_CHECKING:
    from app.hsm.child.cryptoki import AttributeValue
    from app.hsm.messages import Generate

# Answers to a template, after which a smaller one may be taken.
TEMPLATE_REFUSALS = frozenset(
    {codes.ATTRIBUTE_TYPE_INVALID, codes.ATTRIBUTE_VALUE_INVALID, codes.TEMPLATE_INCONSISTENT}
)

Template = dict[int, "AttributeValue"]


def templates(request: Generate, *, narrow: bool) -> tuple[Template, Template]:
    """Templates of the public and the private key: on the token, for signatures only.

    `narrow` also forbids encryption and wrapping in so many words, which most tokens would
    otherwise allow, and some tokens do not let be said.
    """
    shared: Template = {
        codes.TOKEN: True,
        codes.LABEL: request.label.encode(),
        codes.ID: request.cka_id,
    }
    private: Template = {
        **shared,
        codes.PRIVATE: True,
        codes.SENSITIVE: True,
        codes.EXTRACTABLE: False,
        codes.SIGN: True,
    }
    public: Template = {**shared, codes.VERIFY: True}
    if request.kind == "RSA":
        public |= {codes.MODULUS_BITS: request.bits, codes.PUBLIC_EXPONENT: b"\x01\x00\x01"}
    else:
        public[codes.EC_PARAMS] = request.curve
    if narrow:
        private |= {codes.DECRYPT: False, codes.UNWRAP: False}
        public |= {codes.ENCRYPT: False, codes.WRAP: False}
    return public, private
