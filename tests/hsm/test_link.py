"""Frames between a process and its key isolation process, on both kinds of link."""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from app.domain.keys import (
    HashAlgorithm,
    KeyAlgorithm,
    KeySpec,
    SignaturePadding,
    SignatureScheme,
)
from app.hsm import launcher, public_keys
from app.hsm.link import PipeChild, PipeParent, make_link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnContext

    from app.hsm.isolation import KeyIsolation
    from app.hsm.link import ChildEnd, ParentEnd
    from tests.hsm.conftest import Pins
    from tests.softhsm import SoftHsm

SIZES = (1, 100, 1 << 16, (1 << 16) + 1, 1_000_003)


def pipe_link(context: SpawnContext) -> tuple[ParentEnd, ChildEnd]:
    """What is used where the system has no packets that several threads may wait for."""
    ours, theirs = context.Pipe(duplex=True)
    return PipeParent(ours), PipeChild(theirs)


@pytest.fixture(params=["packets", "pipe"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[ParentEnd, ChildEnd]]:
    """Both ends of a link, in one process."""
    context = multiprocessing.get_context("spawn")
    parent, child = make_link(context) if request.param == "packets" else pipe_link(context)
    yield parent, child
    child.close()
    parent.close()


def test_every_request_reaches_one_of_the_threads_whole(ends: tuple[ParentEnd, ChildEnd]) -> None:
    parent, child = ends
    frames = [bytes([number]) * size for number, size in enumerate(SIZES * 8)]
    # The first byte must not look like a part of a frame.
    frames = [b"\0" + frame for frame in frames]
    got: list[bytes] = []

    def receive() -> None:
        while (frame := child.receive()) != b"\0end":
            got.append(frame)

    threads = [threading.Thread(target=receive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for frame in frames:
        parent.send(frame, wait=True)
    for _ in threads:
        parent.send(b"\0end", wait=True)
    for thread in threads:
        thread.join(10)
    assert sorted(got) == sorted(frames)


def test_answers_of_many_threads_arrive_whole(ends: tuple[ParentEnd, ChildEnd]) -> None:
    parent, child = ends
    frames = [number.to_bytes(2, "big") * (1 + 977 * number) for number in range(100)]
    got: list[bytes] = []

    def answer(frame: bytes) -> None:
        child.post(frame)
        child.flush()

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(answer, frame) for frame in frames]
        while len(got) < len(frames):
            got += parent.receive()
        for each in sent:
            each.result(10)
    assert sorted(got) == sorted(frames)


def test_the_end_of_one_side_is_seen_by_the_other(ends: tuple[ParentEnd, ChildEnd]) -> None:
    parent, child = ends
    child.close()
    with pytest.raises((EOFError, OSError)):
        parent.receive()
    with pytest.raises(OSError):  # noqa: PT011 - which one differs between the links
        parent.send(b"\0", wait=True)


def fill(parent: ParentEnd) -> None:
    for _ in range(100_000):
        parent.send(bytes(1000), wait=False)


@pytest.mark.skipif(sys.platform != "linux", reason="a pipe always waits")
@pytest.mark.parametrize("ends", ["packets"], indirect=True)
def test_requests_that_nobody_takes_are_refused_in_the_end(
    ends: tuple[ParentEnd, ChildEnd],
) -> None:
    with pytest.raises(BlockingIOError):
        fill(ends[0])


def test_signatures_through_a_pipe(
    isolation: KeyIsolation, softhsm: SoftHsm, pins: Pins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system without packets: the same requests, answers and lanes."""
    monkeypatch.setattr(launcher, "make_link", pipe_link)
    provider = isolation.library(softhsm.spec).provider(softhsm.token, "Piped", pins)
    pair = provider.generate(KeySpec(KeyAlgorithm.ECDSA_P256, 256), "piped")
    scheme = SignatureScheme(SignaturePadding.ECDSA, HashAlgorithm.SHA256)
    key = public_keys.load_public_key(pair.locator.public_key)
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(64)]
    made = [provider.sign(pair.locator, scheme, digest) for digest in digests]
    for digest, signature in zip(digests, made, strict=True):
        public_keys.verify(key, scheme, digest, signature.result(20))
    assert provider.find(pair.locator) == pair
