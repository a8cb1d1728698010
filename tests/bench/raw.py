"""`python -m tests.bench.raw`: the least that a Python server can do with ready OCSP answers.

One line of JSON on standard input maps whole HTTP requests to whole HTTP responses (both hex); one
line on standard output is the port. It looks each request up and checks nothing. It ends with
standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop


class _Lookup(asyncio.Protocol):
    """One connection; each request arrives in one piece on loopback."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answers.get(data)
        if answer is None:
            self._transport.close()
        else:
            self._transport.write(answer)


async def _serve(answers: dict[bytes, bytes]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Lookup(answers), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Serve until standard input ends."""
    given = json.loads(sys.stdin.readline())
    answers = {bytes.fromhex(asked): bytes.fromhex(answer) for asked, answer in given.items()}
    uvloop.run(_serve(answers))


if __name__ == "__main__":
    main()
