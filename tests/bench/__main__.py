"""`python -m tests.bench [--quick] [NAME…]`: measures, shows the ratios, keeps them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tests.bench import crl, issuing, lanes, ocsp, signing
from tests.bench.report import RESULTS, keep, show
from tests.bench.rounds import WrongAnswerError, measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.rounds import Benchmark

ROUNDS, QUICK_ROUNDS = 5, 3
QUICK_SLACK = 0.1

#: Each sets its contenders up in a folder of its own; what it opens ends with the stack.
BENCHMARKS: dict[str, Callable[[Path, ExitStack, bool], Benchmark]] = {
    "ocsp-software-p256": ocsp.software_p256,
    "ocsp-softhsm-p256": ocsp.softhsm_p256,
    "ocsp-softhsm-rsa": ocsp.softhsm_rsa,
    "sign-p256": signing.p256,
    "sign-rsa": signing.rsa_2048,
    "sign-lanes": lanes.sixteen,
    "sign-generating": lanes.generating,
    "crl": crl.assembly,
    "issue": issuing.issuing,
}


def main() -> int:
    """Run the benchmarks that are named, or all; 1 when an answer was wrong or a bound missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "--quick", action="store_true", help="three short rounds, bounds a tenth wider"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    # Secrets of a benchmark never reach a real keyring.
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    console, notes = Console(width=100), Console(stderr=True)
    rounds, slack = (QUICK_ROUNDS, QUICK_SLACK) if given.quick else (ROUNDS, 0.0)
    outcomes, wrong = [], False
    began = time.monotonic()
    for name in given.names or BENCHMARKS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            benchmark = BENCHMARKS[name](folder, stack, given.quick)
            try:
                outcome = measure(benchmark, rounds, notes.print, slack=slack)
            except WrongAnswerError as error:
                notes.print(f"[bold red]wrong:[/] {error}")
                wrong = True
                continue
        show(outcome, console)
        outcomes.append(outcome)
        wrong |= not all(verdict.met for verdict in outcome.verdicts)
    keep(outcomes)
    notes.print(f"{time.monotonic() - began:.0f} s; {RESULTS}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
