"""Many seeds, over the cores there are; a failing one is told with the command that replays it."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.simulation.oracle import Violation
from tests.simulation.simulation import Simulation, in_place_of_kafka

__all__ = ["NOTHING", "Outcome", "check", "check_all"]

_ROOT = Path(__file__).parents[2]
#: Seeds for one process: its start takes as long as a hundred of them.
_SLICE = 2_500
_COLLECT = 10
#: So many violations are told; the others are like them.
_TOLD = 5


class Outcome(NamedTuple):
    """Of some seeds. What was struck, and what went wrong, by seed."""

    seeds: int
    given_up: int  # shards that were thrown away after an error
    transactions: int  # that were committed
    unanswered: int  # requests
    violations: list[tuple[int, str]]

    def plus(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            self.seeds + other.seeds,
            self.given_up + other.given_up,
            self.transactions + other.transactions,
            self.unanswered + other.unanswered,
            self.violations + other.violations,
        )

    def __str__(self) -> str:
        counts = f"{self.transactions:,} transactions, {self.unanswered:,} unanswered requests, {self.given_up:,} shards given up"
        lines = [f"{self.seeds:,} seeds, {counts}: {len(self.violations)} violations"]
        lines += [f"seed {seed}: {text}\n    make simulate SEEDS={seed}..{seed}" for seed, text in self.violations[:_TOLD]]
        return "\n".join(lines)


NOTHING = Outcome(0, 0, 0, 0, [])


def check(first: int, last: int, kind: type[Simulation] = Simulation) -> Outcome:
    """Run the seeds ``first..last`` one after another."""
    given_up = transactions = unanswered = 0
    violations = []
    with in_place_of_kafka(), _rare_collections():
        for seed in range(first, last + 1):
            if seed % _COLLECT == 0:
                _collect()
            simulation = kind(seed)
            try:
                simulation.run()
            except Violation as violation:
                violations.append((seed, str(violation)[:2_000]))
            given_up += simulation.watch.given_up
            transactions += sum(len(account.transactions) for account in simulation.accounts)
            unanswered += simulation.network.unanswered
    return Outcome(last - first + 1, given_up, transactions, unanswered, violations)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Have garbage collected once in some seeds, which saves a tenth of the time."""
    gc.disable()
    _collect()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _collect() -> None:
    """Between two seeds, when nothing of them is needed any more: what is left is not looked at again."""
    gc.collect()
    gc.freeze()


def check_all(first: int, last: int) -> Iterator[Outcome]:
    """Run many, on all cores, in processes of their own; the outcomes come in the order of the seeds."""
    cores = os.cpu_count() or 1
    size = min(_SLICE, -(-(last - first + 1) // cores))
    slices = [(start, min(start + size - 1, last)) for start in range(first, last + 1, size)]
    with ThreadPoolExecutor(cores) as threads:
        yield from threads.map(_check_apart, slices)


def _check_apart(seeds: tuple[int, int]) -> Outcome:
    command = [sys.executable, "-m", "tests.simulation.seeds", *map(str, seeds)]
    ended = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(ended.stdout, type=Outcome)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(check(int(sys.argv[1]), int(sys.argv[2]))))
