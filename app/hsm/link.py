"""The way between a process and a key isolation process of its own: frames, both directions.

A frame from the parent is one of

    CALL       messages.Call
    FIRST_SIGN number, reference, messages.Sign: the reference stands for all but the data
    SIGN       number, reference, the data

and a frame to the parent one of

    REPLY      messages.Reply
    SIGNED     number, what C_Sign returned

each with its kind in the first byte. Signatures have fixed frames, since a soft token makes one in
the time that encoding and decoding a general message take.
"""

from __future__ import annotations

import itertools
import socket
import struct
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnContext

CALL, FIRST_SIGN, SIGN, _PART = range(4)
REPLY, SIGNED = range(2)
#: Kind, number, reference.
SIGN_HEAD = struct.Struct("<BQI")
#: Kind, number.
SIGNED_HEAD = struct.Struct("<BQ")

_LENGTH = struct.Struct("<I")
_LARGEST_PACKET = 1 << 16
# Kind, number of the frame, place of this part, how many there are.
_PART_HEAD = struct.Struct("<BQII")
_PART_LENGTH = _LARGEST_PACKET - _PART_HEAD.size
_ROOM = 1 << 20  # for requests while the child cannot read
_READ = 1 << 16


class ParentEnd(Protocol):
    """Sends requests from any thread, and receives answers in one."""

    def send(self, frame: bytes, *, wait: bool) -> None:
        """Send one frame.

        Raises:
            BlockingIOError: there is no room, and the caller did not want to `wait`.
            OSError: the other end is gone.
        """
        ...

    def receive(self) -> Sequence[bytes]:
        """Wait for at least one frame.

        Raises:
            EOFError | OSError: the other end is gone.
        """
        ...

    def close(self) -> None:
        """Let go; only the thread that receives does."""
        ...


class ChildEnd(Protocol):
    """Receives requests and sends answers, both in any number of threads."""

    def receive(self) -> bytes:
        """Wait for a frame.

        Raises:
            EOFError | OSError: the other end is gone.
        """
        ...

    def receive_now(self) -> bytes | None:
        """A frame that is there already; None when there is none."""
        ...

    def post(self, frame: bytes) -> int:
        """Leave a frame for the next `flush`; how many are left now."""
        ...

    def flush(self) -> None:
        """Send what was left."""
        ...

    def close(self) -> None:
        """Let go of this end, in the parent, once the child has it."""
        ...


def make_link(context: SpawnContext) -> tuple[ParentEnd, ChildEnd]:
    """Both ends; the child's goes to its process as an argument."""
    if sys.platform != "linux":
        ours, theirs = context.Pipe(duplex=True)
        return PipeParent(ours), PipeChild(theirs)
    our_requests, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    our_requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
    our_answers, answers = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return PacketParent(our_requests, our_answers), PacketChild(requests, answers)


# --- Linux ------------------------------------------------------------------------------------


class PacketParent:
    """Requests by packets, answers by a stream."""

    def __init__(self, requests: socket.socket, answers: socket.socket) -> None:
        self._requests = requests
        self._answers = answers
        self._unread = b""
        self._divided = itertools.count()

    def send(self, frame: bytes, *, wait: bool) -> None:
        if len(frame) <= _LARGEST_PACKET:
            self._requests.send(frame, 0 if wait else socket.MSG_DONTWAIT)
        else:
            self._send_parts(frame)

    def _send_parts(self, frame: bytes) -> None:
        """Send what is longer than a packet, such as a whole CRL for an Ed25519 key; it waits."""
        number, count = next(self._divided), -(-len(frame) // _PART_LENGTH)
        for place in range(count):
            begin = place * _PART_LENGTH
            part = frame[begin : begin + _PART_LENGTH]
            self._requests.send(_PART_HEAD.pack(_PART, number, place, count) + part)

    def receive(self) -> Sequence[bytes]:
        frames: list[bytes] = []
        while not frames:
            data = self._answers.recv(_READ)
            if not data:
                raise EOFError
            self._unread = self._split(self._unread + data, frames)
        return frames

    def _split(self, data: bytes, frames: list[bytes]) -> bytes:
        """Take all whole frames; what is left of `data` belongs to the next."""
        place, end = 0, len(data)
        while place + _LENGTH.size <= end:
            begin = place + _LENGTH.size
            (length,) = _LENGTH.unpack_from(data, place)
            if begin + length > end:
                break
            place = begin + length
            frames.append(data[begin:place])
        return data[place:]

    def close(self) -> None:
        self._requests.close()
        self._answers.close()


class PacketChild:
    """The kernel gives each packet to one of the threads that wait for one, the longest first.

    So no thread ever hands a request to another: whoever gets it does it, and the rest read on.
    """

    def __init__(self, requests: socket.socket, answers: socket.socket) -> None:
        self._requests = requests
        self._answers = answers
        self._sending = threading.Lock()
        self._outbox: deque[bytes] = deque()
        self._joining = threading.Lock()
        self._parts: dict[int, dict[int, bytes]] = {}

    def __reduce__(self) -> tuple[type[PacketChild], tuple[socket.socket, socket.socket]]:
        return PacketChild, (self._requests, self._answers)

    def receive(self) -> bytes:
        while True:
            packet = self._requests.recv(_LARGEST_PACKET)
            if not packet:
                raise EOFError
            whole = packet if packet[0] != _PART else self._join(packet)
            if whole is not None:
                return whole

    def receive_now(self) -> bytes | None:
        try:
            packet = self._requests.recv(_LARGEST_PACKET, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        if not packet:
            raise EOFError
        return packet if packet[0] != _PART else self._join(packet)

    def _join(self, packet: bytes) -> bytes | None:
        """The whole frame when this was the last part of it that was missing."""
        _, number, place, count = _PART_HEAD.unpack_from(packet)
        with self._joining:
            parts = self._parts.setdefault(number, {})
            parts[place] = packet[_PART_HEAD.size :]
            if len(parts) < count:
                return None
            del self._parts[number]
        return b"".join(parts[place] for place in range(count))

    def post(self, frame: bytes) -> int:
        self._outbox.append(_LENGTH.pack(len(frame)) + frame)
        return len(self._outbox)

    def flush(self) -> None:
        # Nobody waits here: the thread that is sending takes what others leave meanwhile.
        while self._outbox and self._sending.acquire(False):
            try:
                self._answers.sendall(self._everything())
            finally:
                self._sending.release()

    def _everything(self) -> bytes:
        frames = self._outbox.popleft()
        while self._outbox:
            frames += self._outbox.popleft()
        return frames

    def close(self) -> None:
        self._requests.close()
        self._answers.close()


# --- elsewhere --------------------------------------------------------------------------------


class PipeParent:
    """One pipe of multiprocessing, as every system has it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, frame: bytes, *, wait: bool) -> None:  # noqa: ARG002 - a pipe always waits
        with self._sending:
            self._connection.send_bytes(frame)

    def receive(self) -> Sequence[bytes]:
        return (self._connection.recv_bytes(),)

    def close(self) -> None:
        self._connection.close()


class PipeChild:
    """One thread at a time waits for the pipe, the others for their turn."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._receiving, self._sending = threading.Lock(), threading.Lock()

    def __reduce__(self) -> tuple[type[PipeChild], tuple[Connection]]:
        return PipeChild, (self._connection,)

    def receive(self) -> bytes:
        with self._receiving:
            return self._connection.recv_bytes()

    def receive_now(self) -> bytes | None:
        with self._receiving:
            return self._connection.recv_bytes() if self._connection.poll() else None

    def post(self, frame: bytes) -> int:
        with self._sending:
            self._connection.send_bytes(frame)
        return 0

    def flush(self) -> None:
        """Nothing is ever left: a pipe takes one frame at a time."""

    def close(self) -> None:
        self._connection.close()
