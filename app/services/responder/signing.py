"""Signing certificates of the responder: who enrolls when, one at a time, and when they renew."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.errors import Refused, SealkeeperError
from app.domain.events import EventLevel
from app.domain.keys import ED25519_SCHEME, HashAlgorithm, KeyAlgorithm
from app.domain.progress import Silent
from app.domain.responder import (
    RevocationConfiguration,
    SigningCertificate,
    SigningFlag,
)
from app.domain.services import ServiceName
from app.services.leases import lease_held
from app.services.responder.signer_enrolment import SOURCE, SignerEnrolment, SignerPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.domain.ids import ConfigurationId
    from app.domain.progress import Progress
    from app.domain.templates import Template
    from app.services.authority.context import AuthorityContext
    from app.services.authority.enrollment import EnrollmentService

log = structlog.get_logger()

#: Longer than generating the slowest key and issuing may take.
LEASE = timedelta(minutes=10)
#: Seconds to wait for another enrolment of the same configuration.
PATIENCE = 60.0
#: As far back as the same failure is looked for in the event log.
EVENTS_SEEN = 200


class SigningCertificateService:
    """Enrolls and renews signing certificates; call it from task threads."""

    def __init__(self, context: AuthorityContext, enrollment: EnrollmentService) -> None:
        self._context = context
        self._signers = SignerEnrolment(context, enrollment)
        self._enrolling = threading.Lock()

    def enroll(
        self, configuration_id: ConfigurationId, progress: Progress | None = None
    ) -> SigningCertificate:
        """Generate a new key, get a certificate for it from the CA, prove it, make it current.

        The earlier certificate stays current until the new one has signed and been verified.
        A key without a certificate is deleted again.

        Raises:
            Refused: a permission or the issuing of the template is missing, or another process
                has been enrolling for this configuration for too long.
            KeyStorageError: the token could not make or use the key.
        """
        with self._alone(configuration_id):
            return self._enroll_recorded(configuration_id, progress)

    def enroll_if_due(
        self, configuration_id: ConfigurationId, progress: Progress | None = None
    ) -> SigningCertificate | None:
        """The same, unless somebody has done it meanwhile; then the current one, or None.

        Raises:
            Refused, KeyStorageError: as `enroll`.
        """
        with self._alone(configuration_id):
            with self._context.database.read() as tx:
                configuration = tx.configurations.get(configuration_id)
                current = tx.signers.current(configuration_id)
            if not self.renewal_due(configuration):
                return current
            return self._enroll_recorded(configuration_id, progress)

    def maintain(self) -> int:
        """Enroll where no signing certificate is and renew where the renewal period has begun.

        A configuration that fails does not keep the others from their turn; why it failed stands in
        the event log and in its status.

        Returns:
            How many certificates were enrolled.
        """
        with self._context.database.read() as tx:
            configurations = tx.configurations.all()
        enrolled = 0
        for configuration in configurations:
            automatic = SigningFlag.AUTO_ENROLL in configuration.signing_flags
            if not automatic or not self.renewal_due(configuration):
                continue
            with self._context.database.read() as tx:
                before = tx.signers.current(configuration.id)
            try:
                after = self.enroll_if_due(configuration.id)
            except SealkeeperError as error:
                log.warning(
                    "a signing certificate could not be enrolled",
                    configuration=configuration.name,
                    error=error.one_line(),
                )
                continue
            enrolled += after is not None and (before is None or after.id != before.id)
        return enrolled

    def renewal_due(self, configuration: RevocationConfiguration) -> bool:
        """Whether its signing certificate is missing or in its renewal period."""
        with self._context.database.read() as tx:
            current = tx.signers.current(configuration.id)
            template = tx.templates.get(configuration.template)
        if current is None:
            return True
        at = renewal_time(current, template)
        return at is not None and self._context.clock.now() >= at

    # --- parts ----------------------------------------------------------------------------------

    @contextmanager
    def _alone(self, configuration_id: ConfigurationId) -> Iterator[None]:
        """Nobody else enrolls for this configuration meanwhile, in this process or another."""
        busy = "Another process enrolls a signing certificate for this configuration."
        lease = f"signer/{configuration_id}"
        with (
            self._enrolling,
            lease_held(self._context.database, lease, LEASE, PATIENCE, busy),
        ):
            yield

    def _enroll_recorded(
        self, configuration_id: ConfigurationId, progress: Progress | None
    ) -> SigningCertificate:
        try:
            return self._signers.enroll(self._read(configuration_id), progress or Silent())
        except SealkeeperError as error:
            self._failed(configuration_id, error)
            raise

    def _read(self, configuration_id: ConfigurationId) -> SignerPlan:
        with self._context.database.read() as tx:
            configuration = tx.configurations.get(configuration_id)
            template = tx.templates.get(configuration.template)
            authority = tx.authorities.get(configuration.authority_id)
            account = tx.services.get(ServiceName.ONLINE_RESPONDER).log_on_as
            current = tx.signers.current(configuration_id)
        if template is None:
            raise Refused(
                f"The template {configuration.template} of this configuration does not exist.",
                remedy="Choose another template in the configuration's properties.",
            )
        return SignerPlan(configuration, authority, template, account, current)

    def _failed(self, configuration_id: ConfigurationId, error: SealkeeperError) -> None:
        """Log it once: the schedule fails in the same way until somebody mends it."""
        with self._context.database.write() as tx:
            found = [c for c in tx.configurations.all() if c.id == configuration_id]
            if not found:
                return  # removed meanwhile
            name = found[0].name
            message = f"The signing certificate of {name} could not be enrolled. {error.one_line()}"
            own = (event for event in tx.events.page(EVENTS_SEEN) if event.subject == name)
            last = next(own, None)
            if last is not None and last.message == message:
                return
            account = str(self._context.caller())
            tx.events.add(EventLevel.ERROR, SOURCE, 34, message, account, name)


def renewal_time(signer: SigningCertificate, template: Template | None) -> datetime | None:
    """When the renewal period of a signing certificate begins; None without its template."""
    return None if template is None else signer.not_after - template.renewal.length


def signature_hash(
    configuration: RevocationConfiguration, signer: SigningCertificate
) -> HashAlgorithm:
    """The hash that answers are signed with: the configuration's, at least as strong as the key.

    Ed25519 has a hash of its own, whatever is configured.
    """
    if signer.key.algorithm is KeyAlgorithm.ED25519:
        return ED25519_SCHEME.hash
    if signer.key.algorithm is KeyAlgorithm.ECDSA_P384:
        return HashAlgorithm.SHA384
    if signer.key.algorithm is KeyAlgorithm.ECDSA_P521:
        return HashAlgorithm.SHA512
    return configuration.hash_algorithm
