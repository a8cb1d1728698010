"""What `/CertEnroll/` serves: the certificate and the CRL of every CA, from the database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from app.domain.authorities import LocationFlag, LocationList
from app.http.cert_enroll import TYPE_CERTIFICATE, TYPE_CRL, PublishedFile
from app.services.authority.context import urls

if TYPE_CHECKING:
    from datetime import datetime

    from app.domain.authorities import Authority
    from app.services.authority.context import AuthorityContext


class AuthorityFiles:
    """Looks published files up by name; call it from executor threads.

    A name is what stands after the last slash of a CA's own CDP and AIA URLs, so whatever a
    certificate points to is there; nothing on the disk is opened.
    """

    def __init__(self, context: AuthorityContext) -> None:
        self._context = context

    def read(self, name: str) -> PublishedFile | None:
        """The file of that (decoded) name, or None."""
        with self._context.database.read() as tx:
            for authority in tx.authorities.all():
                if name in _names(authority, LocationList.AIA):
                    return _file(authority.certificate, TYPE_CERTIFICATE, authority.created_at)
                if name in _names(authority, LocationList.CDP):
                    crl = tx.crls.latest(authority.id)
                    if crl is not None:
                        return _file(crl.raw, TYPE_CRL, crl.this_update)
        return None


def _names(authority: Authority, kind: LocationList) -> frozenset[str]:
    found = urls(authority, kind, LocationFlag.IN_CERTIFICATE_CDP_OR_AIA)
    return frozenset(unquote(urlsplit(url).path.rpartition("/")[2]) for url in found)


def _file(content: bytes, content_type: str, modified: datetime) -> PublishedFile:
    return PublishedFile(content, content_type, modified, hashlib.sha256(content).hexdigest())
