"""What the set-up wizard has to ask before its pages can be filled, and what it does at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.authorities import Authority, Crl
from app.domain.certificates import CertificateFacts
from app.domain.keys import KEY_BITS, HashAlgorithm, KeyAlgorithm, KeySpec, TokenIdentity
from app.domain.libraries import SOFTWARE_PROVIDER, ProviderEntry
from app.domain.principals import AccountName
from app.domain.services import ServiceName
from app.services.authority.authorities import CreateAuthority
from app.store.home import DATABASE_NAME

if TYPE_CHECKING:
    from app.domain.periods import Period
    from app.domain.progress import Progress
    from app.services.backend import Backend


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider to choose, with the tokens that the CA's service account may open.

    `tokens` is empty for the software provider, and where no slot is registered for the account.
    """

    entry: ProviderEntry
    tokens: tuple[TokenIdentity, ...]

    @property
    def is_software(self) -> bool:
        """Whether its keys live in a file instead of a token."""
        return self.entry.provider == SOFTWARE_PROVIDER

    @property
    def sizes(self) -> tuple[int, ...]:
        """Key lengths to choose from."""
        return KEY_BITS[self.entry.algorithm]

    @property
    def has_own_hash(self) -> bool:
        """Whether the hash is a part of the algorithm, so that there is none to choose."""
        return self.entry.algorithm is KeyAlgorithm.ED25519

    @property
    def outdated(self) -> bool:
        """Whether its algorithm is out of date: offered last, never proposed."""
        return self.entry.algorithm.outdated

    @property
    def text(self) -> str:
        """`ALG#provider`, with a mark where the algorithm is out of date."""
        return f"{self.entry} (out of date)" if self.outdated else str(self.entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFacts:
    """What the wizard shows that only services know.

    Attributes:
        offers: the providers, those of security libraries first, those that are out of date last.
        problems: one sentence for each library that could not be asked.
        log_on: the account that the Certification Authority service logs on as.
        address: where this host's service listens, as `host:port`.
    """

    offers: tuple[Offer, ...]
    problems: tuple[str, ...]
    log_on: AccountName
    address: str


@dataclass(frozen=True, slots=True)
class SetUp:
    """What the wizard made."""

    authority: Authority
    certificate: CertificateFacts
    crl: Crl | None


def read_setup(backend: Backend) -> SetupFacts:
    """Ask the registered tokens what they can do; takes as long as the slowest answers."""
    account = backend.services.get(ServiceName.CERTIFICATION_AUTHORITY).log_on_as
    offers = sorted(
        (
            Offer(entry, backend.providers.tokens(entry.provider, account))
            for entry in backend.providers.entries()
        ),
        key=lambda offer: offer.outdated,
    )
    return SetupFacts(
        offers=tuple(offers),
        problems=tuple(
            f"{library.vendor}: {sentence}" for library, sentence in backend.providers.problems()
        ),
        log_on=account,
        address=backend.services.listen_address().public_authority(backend.directory.host.lower()),
    )


def database_place(backend: Backend) -> str:
    """Where requests and certificates are kept."""
    return str(backend.home / DATABASE_NAME)


def set_up(  # noqa: PLR0913 - the answers of all pages, by keyword
    backend: Backend,
    *,
    offer: Offer,
    token: TokenIdentity | None,
    bits: int,
    hash_algorithm: HashAlgorithm,
    name: str,
    suffix: str,
    validity: Period,
    ocsp_location: bool,
    server_dns_name: str,
    progress: Progress,
) -> SetUp:
    """Set the CA up and read back what was made."""
    authority = backend.authorities.create(
        CreateAuthority(
            name=name,
            provider=str(offer.entry),
            spec=KeySpec(offer.entry.algorithm, bits),
            token=token,
            hash_algorithm=hash_algorithm,
            validity=validity,
            distinguished_name_suffix=suffix,
            ocsp_location=ocsp_location,
            server_dns_name=server_dns_name,
        ),
        progress,
    )
    return SetUp(
        authority,
        backend.enrollment.facts(authority.certificate),
        backend.revocation.latest(authority.id),
    )
