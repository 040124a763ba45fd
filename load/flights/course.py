"""What happens, in order: flights leave and are answered for, flights land and are told.

``in_own_time`` is 2013 as it was. ``at_random`` draws whole flights, with both models' answers, from the year: what is
drawn independently cannot drift, whatever it looks like. Both are generators that compute while they are read; a second
reading with the same arguments gives the same.
"""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from load.flights.faults import Fault
from load.flights.legacy import Inputs, LegacyModel
from load.flights.shadow import ShadowModel
from load.flights.table import Table

__all__ = ["LEARNT_BEFORE", "STEP_MS", "Feed", "Flight", "Landed", "at_random", "in_own_time"]

_CHUNK = 1024
#: Drawn flights leave so far apart, and a minute in the air takes a second.
STEP_MS = 100
MINUTE_MS = 1_000
#: Two months of flights, in a second: what the shadow knows when the first flight is sent; older ones it would have forgotten.
LEARNT_BEFORE = 50_000


class Flight(NamedTuple):
    """A flight that leaves: its row, request id and time, both answers, and what legacy was fed, at a place in a chunk."""

    row: int
    name: str
    time_ms: int
    live: float
    learning: float
    numbers: dict[str, list[float]]
    at: int


class Landed(NamedTuple):
    """A flight that has arrived."""

    row: int
    name: str
    time_ms: int


class Feed:
    """Legacy's inputs, broken from the request ``fault_from`` on, and its answers to them."""

    def __init__(self, table: Table, model: LegacyModel, fault: Fault | None, fault_from: int) -> None:
        self._table, self._model, self._fault, self._fault_from = table, model, fault, fault_from

    def __call__(self, rows: npt.NDArray[np.int64], first_request: int) -> tuple[list[float], dict[str, list[float]]]:
        """The answers for these rows, which are the requests from ``first_request`` on, and the numbers behind them."""
        inputs = Inputs.of(self._table, rows)
        if self._fault is not None:
            self._fault.apply(inputs, np.arange(first_request, first_request + len(rows)) >= self._fault_from)
        live = np.round(self._model.predict(inputs), 6).tolist()
        return live, {name: column.tolist() for name, column in inputs.numbers.items()}


def in_own_time(table: Table, feed: Feed, first: int, requests: int) -> Iterator[Flight | Landed]:
    """The rows from ``first`` on, after the shadow has learnt from ``LEARNT_BEFORE`` before them."""
    learner, departs_ms = ShadowModel(table), table.departs_ms.tolist()
    for row in range(max(0, first - LEARNT_BEFORE), first):
        learner.landed_by(departs_ms[row])
        learner.answer(row)
    for begin in range(first, first + requests, _CHUNK):
        rows = np.arange(begin, min(begin + _CHUNK, first + requests))
        live, numbers = feed(rows, begin - first)
        for at, row in enumerate(rows.tolist()):
            yield from _told(table, learner.landed_by(departs_ms[row]), first)
            learning = round(learner.answer(row), 6)
            yield Flight(row, table.ids[row], departs_ms[row], live[at], learning, numbers, at)
    yield from _told(table, learner.landed_by(2**62), first)


def _told(table: Table, rows: list[int], first: int) -> Iterator[Landed]:
    return (Landed(row, table.ids[row], int(table.arrives_ms[row])) for row in rows if row >= first)


def at_random(table: Table, feed: Feed, requests: int, seed: int, start_ms: int) -> Iterator[Flight | Landed]:
    """Any number of flights, one every ``STEP_MS``; each draw is a request of its own."""
    learning = _all_answers(table)
    random = np.random.default_rng([seed, 7])
    air_ms = ((table.arrives_ms - table.departs_ms) // 60_000 * MINUTE_MS).tolist()
    in_the_air: list[tuple[int, int, str]] = []
    for begin in range(0, requests, _CHUNK):
        rows = random.integers(0, len(table), min(_CHUNK, requests - begin))
        live, numbers = feed(rows, begin)
        for at, row in enumerate(rows.tolist()):
            now_ms = start_ms + (begin + at) * STEP_MS
            while in_the_air and in_the_air[0][0] <= now_ms:
                landed_ms, landed, landed_name = heapq.heappop(in_the_air)
                yield Landed(landed, landed_name, landed_ms)
            name = f"{table.ids[row]}-{seed}-{begin + at:07d}"
            yield Flight(row, name, now_ms, live[at], learning[row], numbers, at)
            if table.arrives_ms[row] >= 0:
                heapq.heappush(in_the_air, (now_ms + air_ms[row], row, name))
    for landed_ms, landed, landed_name in sorted(in_the_air):
        yield Landed(landed, landed_name, landed_ms)


def _all_answers(table: Table) -> list[float]:
    """The shadow's answer to each flight of the year, in its own time."""
    learner = ShadowModel(table)
    answers = []
    for row, moment_ms in enumerate(table.departs_ms.tolist()):
        learner.landed_by(moment_ms)
        answers.append(round(learner.answer(row), 6))
    return answers
