"""Calls that never return: cut at their deadline, without harm to other slots and libraries."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING, Self

import pytest

from app.domain.errors import DeadlineExceeded, LibraryUnusable, SealkeeperError
from app.hsm.isolation import Deadlines, KeyIsolation
from tests.hsm.conftest import Pins, eventually, gone
from tests.hsm.support import P256, begin, sign, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.domain.keys import KeyDescription
    from app.hsm.isolation import IsolatedLibrary, TokenKeyProvider
    from tests.faults.module import Faults

# Short, since each of these tests waits for one of them.
DEADLINES = Deadlines(load=6, enumerate=3, login=3, generate=3, sign=2, initialise=6, manage=2)


@pytest.fixture
def impatient() -> Iterator[KeyIsolation]:
    """A key isolation with short deadlines, closed after the test."""
    made = KeyIsolation(deadlines=DEADLINES)
    yield made
    made.close()


@pytest.fixture
def library(impatient: KeyIsolation, faults: Faults) -> IsolatedLibrary:
    """The library that hangs."""
    return impatient.library(faults.spec)


@pytest.fixture
def provider(library: IsolatedLibrary, faults: Faults, pins: Pins) -> TokenKeyProvider:
    """The token on which a call hangs."""
    return library.provider(faults.softhsm.token, "Hanging", pins)


class Signer:
    """A thread that signs one after the other, until it is told to stop.

    Attributes:
        made: how many signatures were made and verified.
        errors: of the others.
    """

    def __init__(self, provider: TokenKeyProvider, pair: KeyDescription) -> None:
        self._provider, self._pair = provider, pair
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.made = 0
        self.errors: list[SealkeeperError] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._enough.is_set():
            try:
                verify(self._pair, begin(self._provider, self._pair).result(20))
            except SealkeeperError as error:
                self.errors.append(error)
            else:
                self.made += 1


def test_another_slot_of_the_library_goes_on_beside_a_hanging_signature(
    library: IsolatedLibrary, provider: TokenKeyProvider, pins: Pins, faults: Faults
) -> None:
    other = library.provider(faults.softhsm.new_token("Other slot"), "Other slot", pins)
    pair, other_pair = provider.generate(P256, "hangs"), other.generate(P256, "goes on")
    child = library.process_id
    faults.set("C_Sign hang-once")
    hanging = begin(provider, pair)
    assert eventually(lambda: faults.calls("C_Sign") >= 3)
    with Signer(other, other_pair) as signer:
        assert eventually(lambda: signer.made > 5)
        assert not hanging.done()
        with pytest.raises(DeadlineExceeded) as caught:
            hanging.result(20)
        made = signer.made
        assert eventually(lambda: signer.made > made + 5)
    # What was under way when the library was restarted was made by the new one.
    assert signer.errors == []
    assert faults.spec.path in caught.value.detail
    assert library.process_id != child
    assert child is not None
    assert eventually(lambda: gone(child))
    sign(provider, pair, times=4)


@pytest.mark.parametrize("function", ["C_Sign", "C_FindObjects", "C_GetSlotInfo"])
def test_another_library_does_not_notice(
    impatient: KeyIsolation,
    library: IsolatedLibrary,
    provider: TokenKeyProvider,
    pins: Pins,
    faults: Faults,
    function: str,
) -> None:
    pair = provider.generate(P256, "hangs")
    sound = impatient.library(
        type(faults.spec)(str(faults.softhsm.library), faults.spec.environment[:1])
    )
    other = sound.provider(faults.softhsm.new_token("Other"), "Other", pins)
    other_pair = other.generate(P256, "goes on")
    child = sound.process_id
    calls: dict[str, Callable[[], object]] = {
        "C_Sign": lambda: begin(provider, pair).result(20),
        "C_FindObjects": provider.keys,
        "C_GetSlotInfo": library.slots,
    }
    faults.set(f"{function} hang-once")
    with Signer(other, other_pair) as signer:
        with pytest.raises(DeadlineExceeded):
            calls[function]()
        made = signer.made
        assert eventually(lambda: signer.made > made + 5)
    assert signer.errors == []
    assert sound.process_id == child
    assert library.slots()
    sign(provider, pair, times=4)


def test_a_signature_behind_a_call_that_holds_everything_gets_one_answer(
    provider: TokenKeyProvider, faults: Faults
) -> None:
    pair = provider.generate(P256, "behind")
    calls = faults.calls("C_FindObjects")
    faults.set("C_FindObjects hang-once")
    errors: list[SealkeeperError] = []

    def look() -> None:
        try:
            provider.keys()
        except SealkeeperError as error:
            errors.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    assert eventually(lambda: faults.calls("C_FindObjects") > calls)
    futures = [begin(provider, pair) for _ in range(12)]
    done, late = wait(futures, timeout=20)
    looking.join(20)
    assert not late
    for future in done:
        error = future.exception()
        assert error is None or isinstance(error, DeadlineExceeded), error
        if error is None:
            verify(pair, future.result())
    assert all(isinstance(error, SealkeeperError) for error in errors)
    sign(provider, pair, times=4)


def test_a_token_on_which_every_signature_hangs_comes_back(
    impatient: KeyIsolation, provider: TokenKeyProvider, faults: Faults
) -> None:
    pair = provider.generate(P256, "hangs for ever")
    faults.set("C_Sign hang")
    futures = [begin(provider, pair) for _ in range(10)]
    done, late = wait(futures, timeout=30)
    assert not late
    assert all(isinstance(future.exception(), SealkeeperError) for future in done)
    assert any(isinstance(future.exception(), DeadlineExceeded) for future in done)
    assert len(impatient.process_ids()) <= 1
    faults.set()
    provider._library.restart()
    sign(provider, pair, times=4)


def test_a_generation_that_hangs_is_cut_and_not_repeated(
    provider: TokenKeyProvider, faults: Faults
) -> None:
    assert provider.keys() == ()
    faults.set("C_GenerateKeyPair hang")
    with pytest.raises(DeadlineExceeded):
        provider.generate(P256, "never made")
    assert faults.calls("C_GenerateKeyPair") == 1
    assert provider.keys() == ()


def test_a_library_that_hangs_while_it_is_loaded_again_is_named(
    library: IsolatedLibrary, provider: TokenKeyProvider, faults: Faults
) -> None:
    pair = provider.generate(P256, "before")
    faults.set("C_Sign crash-once", "C_Initialize hang")
    with pytest.raises(LibraryUnusable, match="hangs while it is being loaded"):
        begin(provider, pair).result(20)
    faults.set()
    library.restart()
    sign(provider, pair, times=4)


@pytest.mark.parametrize("function", ["C_Sign", "C_Finalize"])
def test_closing_does_not_wait_for_a_call_that_hangs(
    impatient: KeyIsolation, provider: TokenKeyProvider, faults: Faults, function: str
) -> None:
    pair = provider.generate(P256, "hangs")
    (child,) = impatient.process_ids()
    calls = faults.calls("C_Sign")
    faults.set(f"{function} hang")
    future = begin(provider, pair)
    assert eventually(lambda: faults.calls("C_Sign") > calls)
    impatient.close(1)
    assert gone(child)
    assert future.done()
    if function == "C_Sign":
        assert isinstance(future.exception(), SealkeeperError)
