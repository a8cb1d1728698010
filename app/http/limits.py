"""Bounds that keep slow, greedy and broken clients from harming the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one server; times in seconds, sizes in bytes.

    Attributes:
        head_bytes: request line and headers together (431), the target alone half of it (414).
        header_count: headers of one request, trailers included (431).
        body_bytes: body after decoding of chunks (413).
        head_timeout: from the first byte of a request (or the connection) to its last header (408).
        body_timeout: from the last header to the end of the body (408).
        idle_timeout: between an answer and the next request.
        write_timeout: how long a client may leave its answers unread.
        linger: how long input is still drained after a refusal, so that the client can read it.
        connections: open at once (503 above).
        pipelined: requests of one connection that wait; more are not read meanwhile.
    """

    head_bytes: int = 16 * 1024
    header_count: int = 64
    body_bytes: int = 64 * 1024
    head_timeout: float = 10.0
    body_timeout: float = 15.0
    idle_timeout: float = 30.0
    write_timeout: float = 20.0
    linger: float = 1.0
    connections: int = 1024
    pipelined: int = 16

    @property
    def sweep_interval(self) -> float:
        """How often deadlines are looked at: fine enough for the shortest of them."""
        shortest = min(
            self.head_timeout, self.body_timeout, self.idle_timeout, self.write_timeout, self.linger
        )
        return max(0.02, min(1.0, shortest / 2))
