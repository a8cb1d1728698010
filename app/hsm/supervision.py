"""The child process of one library: started when needed, restarted when lost."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.domain.errors import (
    DeadlineExceeded,
    KeyStorageError,
    LibraryCrashed,
    LibraryUnusable,
    SealkeeperError,
)
from app.hsm import messages
from app.hsm.channel import Channel, ChannelLostError
from app.hsm.library_file import check_library_file
from app.hsm.loading import crashes_while_loading, explained, hangs_while_loading
from app.hsm.messages import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.tokens import LibraryInfo, LibrarySpec
    from app.hsm.channel import Watch
    from app.hsm.deadlines import Deadlines
    from app.hsm.launcher import Launcher

log = structlog.get_logger(__name__)
E = TypeVar("E", bound=SealkeeperError)

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
# A library that may have missed something is loaded anew after these pauses, in seconds; who asks
# shortly after that was answered by the fresh one.
FIRST_LOOK, LONGEST_LOOK, JUST_LOOKED = 5.0, 600.0, 2.0
# A caller waits this long for a restart; when the pause is longer it is told so instead.
BEARABLE_PAUSE = 1.0


class SupervisedLibrary:
    """One library's child; methods may be called from any thread.

    Args:
        spec: how to load the library.
        launcher: starts children.
        watch: looks after their deadlines.
        deadlines: of all calls.
        lanes: signing sessions of each token for which nobody says more.
    """

    def __init__(
        self,
        spec: LibrarySpec,
        launcher: Launcher,
        watch: Watch,
        deadlines: Deadlines,
        *,
        lanes: int,
    ) -> None:
        self.spec = spec
        self.deadlines = deadlines
        self._launcher = launcher
        self._watch = watch
        self._lanes = lanes
        self._start = threading.Lock()
        self._state = threading.Lock()
        self._channel: Channel | None = None
        self._closed = False
        self._barred: Callable[[], SealkeeperError] | None = None
        self._losses = 0
        self._not_before = 0.0
        self._refusal: SealkeeperError | None = None  # why it could not be loaded the last time
        self._look_pause = FIRST_LOOK
        self._looked_at = float("-inf")
        self._call_log = ""
        self._started_at: datetime | None = None

    @property
    def started_at(self) -> datetime | None:
        """When the child was started last."""
        return self._started_at

    @property
    def process_id(self) -> int | None:
        """The child's process id while there is one."""
        channel = self._channel
        return channel.pid if channel is not None and channel.alive else None

    @property
    def channel(self) -> Channel | None:
        """The child when it runs with the library loaded; does not wait."""
        channel = self._channel
        return channel if channel is not None and channel.alive and channel.info else None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def live_channel(self) -> Channel:
        """The child with the library loaded; starts it when there is none."""
        with self._start:
            channel = self._channel
            if channel is not None and channel.alive:
                return channel
            if self._closed:
                raise KeyStorageError(f"The library {self.spec.path} is closed.")
            if self._barred is not None:
                raise self._barred()
            check_library_file(self.spec.path)
            self._bear_pause()
            channel = self._launch()
            try:
                try:
                    channel.info = self._load(channel)
                except ChannelLostError:
                    # It may have been ended from outside: only a library that ends two crashes.
                    channel.end()
                    channel = self._launch()
                    channel.info = self._load(channel)
            except (ChannelLostError, SealkeeperError) as error:
                channel.finish()
                channel.end()
                raise self._not_loaded(error) from None
            self._refusal = None
            return channel

    def _launch(self) -> Channel:
        """A child that has not loaded the library yet."""
        self._started_at = datetime.now(UTC)
        process, connection = self._launcher.launch()
        channel = Channel(process, connection, self._watch, self.spec.path, self._lanes, self._lost)
        with self._state:
            self._channel = channel
        self._end_if_closed(channel)
        return channel

    def _not_loaded(self, error: ChannelLostError | SealkeeperError) -> SealkeeperError:
        """Remember why the library did not come up, for those who ask again too soon."""
        self._count_loss()
        if isinstance(error, ChannelLostError):
            error = crashes_while_loading(self.spec.path)
        self._refusal = error
        return error

    def _end_if_closed(self, channel: Channel) -> None:
        """End a child that was started while `close` or `bar` ran and did not see it."""
        with self._state:
            closed, barred = self._closed, self._barred
        if closed:
            channel.end()
            raise KeyStorageError(f"The library {self.spec.path} is closed.")
        if barred is not None:
            channel.end()
            raise barred()

    def _load(self, channel: Channel) -> LibraryInfo:
        request = messages.Load(
            path=self.spec.path,
            environment=self.spec.environment,
            initialisation=self.spec.initialisation,
            lanes=self._lanes,
            patience=max(self.deadlines.enumerate, self.deadlines.manage) + 5,
            call_log=self._call_log,
            keep_alive=self.deadlines.keep_alive,
        )
        try:
            answer = channel.call(request, self.deadlines.load).result()
        except DeadlineExceeded as error:
            raise hangs_while_loading(self.spec.path, error) from None
        except LibraryUnusable as error:
            raise self.explained(error) from None
        loaded = expect(messages.Loaded, answer)
        if loaded.problem:
            log.warning("PKCS#11 calls are not written", problem=loaded.problem)
        return loaded.info

    def _bear_pause(self) -> None:
        pause = self._not_before - time.monotonic()
        if pause > BEARABLE_PAUSE and self._refusal is not None:
            raise self._refusal.with_traceback(None)
        if pause > BEARABLE_PAUSE:
            raise self.crashed(f"It is started again in {pause:.0f} seconds.")
        if pause > 0:
            time.sleep(pause)

    def explained(self, error: E) -> E:
        """The same error, with the file that this account may not read where that is why."""
        return explained(error, self.spec)

    def crashed(self, remedy: str) -> LibraryCrashed:
        """The error for a call that the child did not live to answer."""
        return LibraryCrashed(
            f"The security library {self.spec.path} stopped working.",
            cause="It crashed, or its process was ended.",
            remedy=remedy,
            detail=self.spec.path,
        )

    def _lost(self, channel: Channel) -> None:
        """Called by a channel whose child ended unasked."""
        if channel.info is not None:  # else `live_channel` counts it
            self._count_loss()

    def _count_loss(self) -> None:
        with self._state:
            self._losses += 1
            # The first restart comes at once, then 0.25 s, 0.5 s, 1 s … 30 s.
            pause = 0.0 if self._losses == 1 else FIRST_PAUSE * 2 ** (self._losses - 2)
            self._not_before = time.monotonic() + min(pause, LONGEST_PAUSE)

    def works(self) -> None:
        """A signature succeeded, so the next restart comes at once again."""
        self._losses = 0

    def found_again(self) -> None:
        """It was worth the look: what was missing signs, so the next look comes soon again."""
        self._look_pause = FIRST_LOOK

    def look_again(self) -> bool:
        """Load the library anew since a token or a key is missing; whether it is worth a try now.

        Many libraries show tokens and objects as they were when they were loaded, also those that
        came back since. As it disturbs the other tokens, the pauses between grow.
        """
        with self._state:
            now = time.monotonic()
            if now - self._looked_at < JUST_LOOKED:
                return True
            if now - self._looked_at < self._look_pause:
                return False
            self._looked_at = now
            self._look_pause = min(2 * self._look_pause, LONGEST_LOOK)
        self.restart()
        return True

    def bar(self, refusal: Callable[[], SealkeeperError] | None) -> None:
        """Load the library no more and end its child; None lets it be loaded again.

        Args:
            refusal: makes the error that every call raises meanwhile.
        """
        with self._state:
            self._barred = refusal
        if refusal is not None:
            self.restart()

    def restart(self) -> None:
        """Reload the library: end the child; the next call starts another.

        Signatures in flight are made by the new one.
        """
        channel = self._channel
        with self._state:
            self._losses, self._not_before = 0, 0.0
        if channel is not None:
            channel.finish()
            channel.wait(1)

    def log_calls(self, path: str) -> None:
        """Write every PKCS#11 call to a file from now on, "" for none; see `messages.LogCalls`.

        Also those of children that start later, trials included.

        Raises:
            KeyStorageError: the file cannot be opened; the calls are written nowhere then.
        """
        with self._start:
            self._call_log = path
            channel = self.channel
        if channel is not None:
            try:
                channel.call(messages.LogCalls(path), self.deadlines.enumerate).result()
            except ChannelLostError:
                pass  # the next child is told when it starts
            except KeyStorageError:
                self._call_log = ""
                raise

    def close(self, timeout: float = 5) -> None:
        """End the child for good."""
        with self._state:
            self._closed, channel = True, self._channel
        if channel is not None:
            channel.finish()
            channel.wait(timeout)
