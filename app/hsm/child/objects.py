"""Objects of a token and their attributes, through PyKCS11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyKCS11 import LowLevel

from app.hsm import codes
from app.hsm.child.cryptoki import CkrError
from app.hsm.messages import KeyKind, KeyObject

if TYPE_CHECKING:
    from app.hsm.child.management import Management

_KEY_ATTRIBUTES = (
    codes.CLASS,
    codes.KEY_TYPE,
    codes.ID,
    codes.LABEL,
    codes.MODULUS,
    codes.PUBLIC_EXPONENT,
    codes.EC_PARAMS,
    codes.EC_POINT,
    codes.PRIME,
    codes.SUBPRIME,
    codes.BASE,
    codes.PUBLIC_KEY_INFO,
    codes.SENSITIVE,
    codes.EXTRACTABLE,
    codes.LOCAL,
)
_KINDS: dict[int, KeyKind] = {0x00: "RSA", 0x01: "DSA", 0x03: "EC", 0x40: "EDWARDS"}


class Objects:
    """Methods may be called from any thread, each session by one thread at a time."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def find(self, session: int, template: dict[int, object]) -> list[int]:
        """Handles of the objects that have all of these attributes.

        The session must not be used by another thread meanwhile.
        """
        with self._management.watched("C_FindObjects"):
            found = self._management.session(session).findObjects(list(template.items()))
        return [int(handle.value()) for handle in found]

    def key(self, session: int, handle: int) -> KeyObject | None:
        """One half of a pair; None for a key of another kind, or when it has just gone."""
        try:
            values = self.attributes(session, handle, _KEY_ATTRIBUTES)
        except CkrError as error:
            if error.code == codes.OBJECT_HANDLE_INVALID:
                return None
            raise
        kind = _KINDS.get(_number(values[codes.KEY_TYPE]))
        if kind is None:
            return None
        private = _number(values[codes.CLASS]) == codes.PRIVATE_KEY
        # CKA_VALUE of a private key is the secret itself: it is never asked for.
        value = self._dsa_value(session, handle) if kind == "DSA" and not private else None
        return KeyObject(
            handle=handle,
            private=private,
            kind=kind,
            cka_id=values[codes.ID] or b"",
            label=(values[codes.LABEL] or b"").rstrip(b"\0").decode("utf-8", "replace"),
            modulus=values[codes.MODULUS],
            exponent=values[codes.PUBLIC_EXPONENT],
            ec_params=values[codes.EC_PARAMS],
            ec_point=values[codes.EC_POINT],
            prime=values[codes.PRIME],
            subprime=values[codes.SUBPRIME],
            base=values[codes.BASE],
            value=value,
            public_key_info=values[codes.PUBLIC_KEY_INFO],
            sensitive=_truth(values[codes.SENSITIVE]),
            extractable=_truth(values[codes.EXTRACTABLE]),
            local=_truth(values[codes.LOCAL]),
        )

    def _dsa_value(self, session: int, handle: int) -> bytes | None:
        return self.attributes(session, handle, (codes.VALUE,))[codes.VALUE]

    def attributes(
        self, session: int, handle: int, wanted: tuple[int, ...]
    ) -> dict[int, bytes | None]:
        """Attributes as bytes; None for those that the object does not have or does not show."""
        native = LowLevel.CK_OBJECT_HANDLE()
        native.assign(handle)
        with self._management.watched("C_GetAttributeValue"):
            found = self._management.session(session).getAttributeValue(
                native, list(wanted), allAsBinary=True
            )
        values = (bytes(value) if value is not None else None for value in found)
        return {number: value or None for number, value in zip(wanted, values, strict=True)}

    def set_label(self, session: int, handle: int, label: str) -> None:
        """C_SetAttributeValue of CKA_LABEL."""
        native = LowLevel.CK_OBJECT_HANDLE()
        native.assign(handle)
        with self._management.watched("C_SetAttributeValue"):
            self._management.session(session).setAttributeValue(native, [(codes.LABEL, label)])

    def destroy(self, session: int, handle: int) -> None:
        """C_DestroyObject."""
        native = LowLevel.CK_OBJECT_HANDLE()
        native.assign(handle)
        with self._management.watched("C_DestroyObject"):
            self._management.session(session).destroyObject(native)


def _number(value: bytes | None) -> int:
    return int.from_bytes(value, "little") if value else 0


def _truth(value: bytes | None) -> bool | None:
    return None if value is None else value != b"\0"
