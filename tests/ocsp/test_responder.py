"""The responder's answers, its cache and the races around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from app.domain.errors import KeyStorageError
from app.domain.events import Change, Entity
from app.domain.ids import ConfigurationId
from app.domain.keys import HashAlgorithm
from app.domain.responder import CertificateStatus, SigningFlag, StatusAnswer
from app.ocsp.answers import Answer, ConfiguredAuthority, ResponderSettings
from app.ocsp.responder import OnlineResponder
from app.pki.ocsp_request import encode_ocsp_request, make_cert_id
from app.pki.ocsp_response import OcspErrorStatus as Told
from app.pki.ocsp_response import OcspVerdict, error_response, verify_ocsp_response
from tests.ocsp.support import (
    GOOD,
    REVOKED,
    UNKNOWN,
    World,
    key_absent,
    make_key,
)

HALF_HOUR = timedelta(minutes=30)
SHA1, SHA256 = HashAlgorithm.SHA1, HashAlgorithm.SHA256
Scenario = Callable[[OnlineResponder], Awaitable[None]]


@pytest.fixture(scope="module", params=["RSA", "ECDSA", "Ed25519"])
def any_world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.keys.release()


def run(world: World, scenario: Scenario, settings: ResponderSettings | None = None) -> None:
    """Run a scenario against a responder with one installed configuration."""

    async def main() -> None:
        with ThreadPoolExecutor(2) as executor:
            responder = OnlineResponder(world.source, world.clock, executor, settings)
            responder.set_configuration(world.configured())
            responder.mark_loaded()
            try:
                await scenario(responder)
            finally:
                world.keys.release()
                await responder.close()

    asyncio.run(main())


def ask(world: World, serial: int, nonce: bytes | None = None, sha: HashAlgorithm = SHA1) -> bytes:
    ca = world.ca.public_bytes(Encoding.DER)
    return encode_ocsp_request((make_cert_id(serial, ca, sha),), nonce)


def check(world: World, answer: Answer, *serials: int, nonce: bytes | None = None) -> OcspVerdict:
    ca = world.ca.public_bytes(Encoding.DER)
    ids = tuple(make_cert_id(serial, ca, SHA1) for serial in serials)
    verdict = verify_ocsp_response(answer.der, ids, nonce, ca, world.clock.now())
    assert verdict.passed, verdict.first_problem
    return verdict


def statuses(verdict: OcspVerdict) -> list[CertificateStatus]:
    return [answer.answer.status for answer in verdict.answers]


async def reached(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def test_three_statuses_for_both_kinds_of_key(any_world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        for serial, status in (
            (GOOD, CertificateStatus.GOOD),
            (REVOKED, CertificateStatus.REVOKED),
            (UNKNOWN, CertificateStatus.UNKNOWN),
        ):
            for nonce in (None, b"n", b"n" * 128):
                answer = await responder.answer(ask(any_world, serial, nonce))
                assert statuses(check(any_world, answer, serial, nonce=nonce)) == [status]
                assert (answer.freshness is None) == (nonce is not None)

    run(any_world, scenario)


@pytest.mark.parametrize("sha", list(HashAlgorithm))
def test_every_hash_of_the_issuer_is_known_and_repeated(world: World, sha: HashAlgorithm) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        answer = await responder.answer(ask(world, GOOD, sha=sha))
        ca = world.ca.public_bytes(Encoding.DER)
        asked = make_cert_id(GOOD, ca, sha)
        verdict = verify_ocsp_response(answer.der, (asked,), None, ca, world.clock.now())
        assert verdict.status is CertificateStatus.GOOD
        assert verdict.answers[0].cert_id.der == asked.der

    run(world, scenario)


def test_several_certificates_in_one_message(world: World) -> None:
    ca = world.ca.public_bytes(Encoding.DER)
    ids = tuple(make_cert_id(serial, ca, SHA1) for serial in (REVOKED, GOOD, UNKNOWN))

    async def scenario(responder: OnlineResponder) -> None:
        for nonce in (None, b"nonce"):
            answer = await responder.answer(encode_ocsp_request(ids, nonce))
            verdict = check(world, answer, REVOKED, GOOD, UNKNOWN, nonce=nonce)
            assert [s.value for s in statuses(verdict)] == ["revoked", "good", "unknown"]
        many = encode_ocsp_request(ids[:1] * 51)
        assert (await responder.answer(many)).der == error_response(Told.MALFORMED_REQUEST)
        other = make_cert_id(GOOD, World().ca.public_bytes(Encoding.DER), SHA1)
        mixed = encode_ocsp_request((ids[0], other))
        assert (await responder.answer(mixed)).der == error_response(Told.UNAUTHORIZED)

    run(world, scenario)


def test_what_cannot_be_answered(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        for junk in (b"", b"junk", ask(world, GOOD) + b"\0", ask(world, GOOD)[:-1]):
            assert (await responder.answer(junk)).der == error_response(Told.MALFORMED_REQUEST)
        stranger = ask(World(), GOOD)
        assert (await responder.answer(stranger)).der == error_response(Told.UNAUTHORIZED)
        responder.remove_configuration(ConfigurationId(1))
        assert (await responder.answer(ask(world, GOOD))).der == error_response(Told.UNAUTHORIZED)
        assert responder.counters().refused == 6

    run(world, scenario)


def test_before_everything_is_loaded_clients_are_told_to_try_later(world: World) -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            responder = OnlineResponder(world.source, world.clock, executor)
            assert (await responder.answer(ask(world, GOOD))).der == error_response(Told.TRY_LATER)

    asyncio.run(main())


def test_repeated_questions_are_answered_from_the_cache(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        first = await responder.answer(ask(world, GOOD))
        for _ in range(3):
            again = responder.respond(ask(world, GOOD))
            assert again is first
        counters = responder.counters()
        assert (counters.requests, counters.answered_from_cache, counters.signed) == (4, 3, 1)
        other_hash = await responder.answer(ask(world, GOOD, sha=SHA256))
        assert other_hash.der != first.der
        issuer = world.ca.public_bytes(Encoding.DER)
        asked = make_cert_id(world.leaf(GOOD).serial_number, issuer, HashAlgorithm.SHA1)
        assert responder.respond(encode_ocsp_request((asked,))) is first

    run(world, scenario)


def test_nonces_are_answered_live_and_ignored_where_they_are_not_allowed(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        for _ in range(2):
            check(world, await responder.answer(ask(world, GOOD, b"n")), GOOD, nonce=b"n")
        assert responder.counters().signed == 2
        without = world.configuration(flags=SigningFlag.RESPONDER_ID_NAME)
        responder.set_configuration(ConfiguredAuthority(without, world.signer()))
        answers = [await responder.answer(ask(world, GOOD, nonce)) for nonce in (b"a", b"b", None)]
        assert answers[0] is answers[1] is answers[2]
        verdict = check(world, answers[0], GOOD)
        assert verdict.nonce is None

    run(world, scenario)


def test_concurrent_questions_share_one_signature(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        world.keys.hold()
        asking = [asyncio.create_task(responder.answer(ask(world, GOOD))) for _ in range(20)]
        await reached(lambda: world.keys.signed == 1)
        asking[0].cancel()  # a client that leaves does not take the others' answer along
        world.keys.release()
        answers = await asyncio.gather(*asking[1:])
        assert len({id(answer) for answer in answers}) == 1
        assert world.keys.signed == 1

    run(world, scenario)


def test_a_revocation_is_told_at_once(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        assert statuses(check(world, await responder.answer(ask(world, GOOD)), GOOD)) == ["good"]
        responder.apply_changes([world.source.revoke(GOOD)])
        for _ in range(2):
            answer = await responder.answer(ask(world, GOOD))
            assert statuses(check(world, answer, GOOD)) == ["revoked"]
        assert responder.counters().signed == 2

    run(world, scenario)


def test_a_slow_signature_of_good_does_not_outlive_the_revocation(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        world.keys.hold()
        early = asyncio.create_task(responder.answer(ask(world, GOOD)))
        await reached(lambda: world.keys.signed == 1)
        responder.apply_changes([world.source.revoke(GOOD)])
        late = asyncio.create_task(responder.answer(ask(world, GOOD)))
        await reached(lambda: world.keys.signed == 2)
        world.keys.release()
        # Asked before the revocation: the status of that time, but it is not kept.
        assert statuses(check(world, await early, GOOD)) == ["good"]
        assert statuses(check(world, await late, GOOD)) == ["revoked"]
        assert statuses(check(world, await responder.answer(ask(world, GOOD)), GOOD)) == ["revoked"]

    run(world, scenario)


def test_a_change_that_the_status_had_seen_does_not_keep_it_out(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        change = world.source.revoke(GOOD)
        world.keys.hold()
        asking = asyncio.create_task(responder.answer(ask(world, GOOD)))
        await reached(lambda: world.keys.signed == 1)
        responder.apply_changes([change])
        world.keys.release()
        first = await asking
        assert statuses(check(world, first, GOOD)) == ["revoked"]
        assert responder.respond(ask(world, GOOD)) is first

    run(world, scenario)


def test_missed_changes_empty_the_cache(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        responder.apply_changes([Change(10, Entity.EVENT, "1")])
        before = await responder.answer(ask(world, GOOD))
        world.source.revoke(GOOD)  # this change never arrives
        world.source.number += 1
        assert responder.respond(ask(world, GOOD)) is before
        responder.apply_changes([Change(12, Entity.EVENT, "2")])
        assert statuses(check(world, await responder.answer(ask(world, GOOD)), GOOD)) == ["revoked"]

    run(world, scenario)


def test_changes_of_others_leave_an_answer(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        before = await responder.answer(ask(world, GOOD))
        responder.apply_changes([world.source.revoke(UNKNOWN), Change(12, Entity.REQUEST, "44")])
        assert responder.respond(ask(world, GOOD)) is before
        responder.apply_changes([Change(13, Entity.AUTHORITY, "7")])
        assert await responder.answer(ask(world, GOOD)) is not before

    run(world, scenario)


def test_an_answer_is_renewed_at_half_life_and_never_outlives_its_end(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        first = await responder.answer(ask(world, GOOD))
        world.clock.advance(minutes=29)
        assert await responder.answer(ask(world, GOOD)) is first
        world.clock.advance(minutes=2)
        second = await responder.answer(ask(world, GOOD))
        assert second is not first
        world.keys.problem = key_absent()
        world.clock.advance(minutes=59)
        assert await responder.answer(ask(world, GOOD)) is second
        check(world, second, GOOD)
        attempts = world.keys.signed
        assert await responder.answer(ask(world, GOOD)) is second
        assert world.keys.signed == attempts  # no second attempt so soon
        world.clock.advance(minutes=1)
        assert (await responder.answer(ask(world, GOOD))).der == error_response(Told.TRY_LATER)
        assert responder.counters().last_error == "The signing key is not on the token."

    run(world, scenario)


def test_a_hung_token_does_not_hold_up_cached_answers(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        first = await responder.answer(ask(world, GOOD))
        world.clock.advance(minutes=40)
        world.keys.hold()
        assert await responder.answer(ask(world, GOOD)) is first
        later = await responder.answer(ask(world, REVOKED))
        assert later.der == error_response(Told.TRY_LATER)

    run(world, scenario, ResponderSettings(refresh_wait=0.02, answer_timeout=0.05))


def test_too_much_work_at_once(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        world.keys.hold()
        asking = [asyncio.create_task(responder.answer(ask(world, n))) for n in (1, 2)]
        await reached(lambda: world.keys.signed == 2)
        for nonce in (None, b"n"):
            answer = await responder.answer(ask(world, 3, nonce))
            assert answer.der == error_response(Told.TRY_LATER)
        world.keys.release()
        for serial, answer in zip((1, 2), await asyncio.gather(*asking), strict=True):
            check(world, answer, serial)
        check(world, await responder.answer(ask(world, 3)), 3)

    run(world, scenario, ResponderSettings(in_flight=2))


def test_the_loss_of_a_signer_leaves_answers_and_its_replacement_does_not(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        first = await responder.answer(ask(world, GOOD))
        lost = ConfiguredAuthority(world.configuration(), None, "The token is away.")
        responder.set_configuration(lost)
        assert await responder.answer(ask(world, GOOD)) is first
        assert (await responder.answer(ask(world, REVOKED))).der == error_response(Told.TRY_LATER)
        assert responder.counters().last_error == "The token is away."
        responder.set_configuration(world.configured(world.signer(make_key("RSA"))))
        second = await responder.answer(ask(world, GOOD))
        assert second is not first
        check(world, second, GOOD)

    run(world, scenario)


def test_a_replaced_signers_late_answer_is_not_kept(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        world.keys.hold()
        early = asyncio.create_task(responder.answer(ask(world, GOOD)))
        await reached(lambda: world.keys.signed == 1)
        responder.set_configuration(world.configured(world.signer(make_key("ECDSA"))))
        world.keys.release()
        old = await early
        new = await responder.answer(ask(world, GOOD))
        certificates = [check(world, a, GOOD).signing_certificate for a in (old, new)]
        assert certificates[0] != certificates[1]

    run(world, scenario)


def test_answers_end_with_the_signing_certificate(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        responder.set_configuration(world.configured(world.signer(days=1 / 48)))
        answer = await responder.answer(ask(world, GOOD))
        assert answer.freshness is not None
        assert answer.freshness.next_update - answer.freshness.this_update < HALF_HOUR * 1.01
        world.clock.advance(minutes=31)
        assert (await responder.answer(ask(world, GOOD))).der == error_response(Told.TRY_LATER)
        assert "has expired" in responder.counters().last_error

    run(world, scenario)


def test_answers_end_where_their_status_is_known_to_change(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        later = world.clock.now() + timedelta(minutes=10)
        world.source.statuses[GOOD] = StatusAnswer(CertificateStatus.GOOD, changes_at=later)
        answer = await responder.answer(ask(world, GOOD))
        assert answer.freshness is not None
        assert answer.freshness.next_update == later
        world.source.statuses[GOOD] = StatusAnswer(CertificateStatus.REVOKED, later)
        world.clock.advance(minutes=10)
        assert statuses(check(world, await responder.answer(ask(world, GOOD)), GOOD)) == ["revoked"]

    run(world, scenario)


def test_an_answer_whose_end_came_while_it_was_signed_is_made_anew(world: World) -> None:
    change = world.clock.now() + timedelta(seconds=2)
    world.source.statuses[GOOD] = StatusAnswer(CertificateStatus.GOOD, changes_at=change)

    async def scenario(responder: OnlineResponder) -> None:
        world.keys.hold()
        asked = asyncio.ensure_future(responder.answer(ask(world, GOOD)))
        await reached(lambda: world.keys.signed == 1)
        world.clock.advance(seconds=3)
        world.source.statuses[GOOD] = StatusAnswer(CertificateStatus.REVOKED, change)
        world.keys.release()
        verdict = check(world, await asked, GOOD)
        assert statuses(verdict) == [CertificateStatus.REVOKED]
        # Always too late: told to come back rather than given an answer that is past.
        world.source.statuses[UNKNOWN] = StatusAnswer(CertificateStatus.GOOD, changes_at=change)
        late = await responder.answer(ask(world, UNKNOWN))
        assert late.der == error_response(Told.TRY_LATER)

    run(world, scenario)


def test_a_clock_that_was_set_back_leaves_no_answers_of_the_future(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        await responder.answer(ask(world, GOOD))
        world.clock.advance(minutes=-20)
        verdict = check(world, await responder.answer(ask(world, GOOD)), GOOD)
        assert verdict.answers[0].this_update <= world.clock.now()
        assert world.keys.signed == 2

    run(world, scenario)


def test_of_two_configurations_for_one_ca_only_the_older_answers(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        responder.set_configuration(ConfiguredAuthority(world.configuration(2), world.signer()))
        responder.set_configuration(ConfiguredAuthority(world.configuration(1), None, "No key."))
        assert (await responder.answer(ask(world, GOOD))).der == error_response(Told.TRY_LATER)

    run(world, scenario)


def test_a_fault_of_the_source_is_an_internal_error(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        world.source.statuses[GOOD] = StatusAnswer(CertificateStatus.REVOKED)  # without a time
        answer = await responder.answer(ask(world, GOOD))
        assert answer.der == error_response(Told.INTERNAL_ERROR)

    run(world, scenario)


def test_the_cache_is_bounded(world: World) -> None:
    async def scenario(responder: OnlineResponder) -> None:
        for serial in range(1, 8):
            await responder.answer(ask(world, serial))
        signed = world.keys.signed
        await responder.answer(ask(world, 7))
        assert world.keys.signed == signed
        await responder.answer(ask(world, 1))
        assert world.keys.signed == signed + 1
        assert len(responder._cache) == 4
        assert len(responder._aliases) == 3

    run(world, scenario, ResponderSettings(cache_entries=4, alias_entries=3))


def test_wrong_signatures_never_leave(world: World) -> None:
    signer = world.signer()

    async def scenario(responder: OnlineResponder) -> None:
        responder.set_configuration(world.configured(signer))
        world.keys.lie = True
        for _ in range(2):
            answer = await responder.answer(ask(world, GOOD, b"n"))
            assert answer.der == error_response(Told.TRY_LATER)
        assert signer.wrong_signatures == 2
        assert "does not verify" in responder.counters().last_error
        world.keys.lie = False
        check(world, await responder.answer(ask(world, GOOD)), GOOD)

    run(world, scenario)
    world.keys.lie = True

    async def until_caught() -> int:
        for count in range(2000):
            try:
                await signer.sign(b"message")
            except KeyStorageError:
                return count
        return -1

    assert asyncio.run(until_caught()) == 999


def test_damaged_questions_are_always_answered(world: World) -> None:
    whole = ask(world, GOOD, b"n" * 16)

    async def scenario(responder: OnlineResponder) -> None:
        for position in range(len(whole)):
            for flipped in (0x01, 0x80, 0xFF):
                damaged = bytearray(whole)
                damaged[position] ^= flipped
                answer = await responder.answer(bytes(damaged))
                assert answer.der[:1] == b"\x30"
            cut = await responder.answer(whole[:position])
            assert cut.der == error_response(Told.MALFORMED_REQUEST)

    run(world, scenario)
