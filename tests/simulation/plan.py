"""What a seed draws: the traffic's shape, the settings, and which faults come when.

Times of the wall are a few seconds, whatever the times in the events. In an **exact** seed the events span so much more time than
the reading takes that no silence can decide anything: then what has to come out is known, record by record. In the
others the wall clock may decide, and every event has to be in exactly one place all the same.
"""

from __future__ import annotations

from random import Random
from typing import Literal, NamedTuple

from app.domain.pairing.pairing_state import PairingPolicy
from app.domain.pairing.refusal_limit import RefusalPolicy

__all__ = ["Fault", "Plan", "draw"]

#: What happens to a worker, or to the group, at a moment.
FaultKind = Literal["kill", "kill at a step", "pause", "cut off", "rebalance", "join", "retire", "clock"]
_KINDS: tuple[FaultKind, ...] = (
    "kill", "kill at a step", "kill at a step", "pause", "pause", "cut off", "rebalance", "rebalance", "join", "retire", "clock",
)  # fmt: skip


class Fault(NamedTuple):
    """``at_s``: when. ``lasts_s``: a pause, or how long until a new worker takes the place of a killed one."""

    at_s: float
    kind: FaultKind
    lasts_s: float
    steps: int


class Plan(NamedTuple):
    """See the module's text."""

    fold: Literal["pair", "count"]
    exact: bool
    compares_bytes: bool  # with an uncrashed run, which takes its time
    partitions: int
    workers: int
    requests: int
    versions: tuple[str, ...]
    shadows: tuple[str, ...] | Literal["auto"]
    policy: PairingPolicy
    arrivals_s: float  # all events have arrived by then
    commit_interval_s: float
    snapshot_interval_s: float
    transaction_timeout_s: float
    repeats_end: bool
    loss: float
    slips: float
    turn_ends: float
    swallowed: float
    faults: tuple[Fault, ...]
    refusals: RefusalPolicy  # of a few events: poison among good ones pauses a side


def draw(rng: Random) -> Plan:
    """The plan of a seed."""
    exact = rng.random() < 0.5
    versions = rng.choice((("2",), ("2",), ("2", "3")))
    arrivals_s = rng.choice((0.0, 0.2, 0.5)) if exact else rng.choice((0.4, 0.8))
    count = rng.choice((0, 1, 2, 2, 3, 4, 6))
    return Plan(
        fold="count" if rng.random() < 0.12 else "pair",
        exact=exact,
        compares_bytes=rng.random() < 0.15,
        partitions=rng.choice((1, 1, 1, 2)),
        workers=rng.choice((1, 1, 2, 3)),
        requests=rng.choice((4, 8, 12)),
        versions=versions,
        shadows=versions if exact else rng.choice(("auto", versions, ("2", "9"))),
        policy=PairingPolicy(700, 300, 1_500) if exact else PairingPolicy(300, 100, 600),
        arrivals_s=arrivals_s,
        commit_interval_s=rng.choice((0.07, 0.15, 0.3)),
        snapshot_interval_s=rng.choice((0.0, 0.5)),
        transaction_timeout_s=rng.choice((0.4, 1.5)),
        repeats_end=False,  # the service does not (app.folds.transaction_end); a mutant does
        loss=rng.choice((0.0, 0.02, 0.08, 0.2)),
        slips=rng.choice((0.0, 0.2, 1.0)),
        turn_ends=rng.choice((0.0, 0.0, 0.1, 0.5)),
        swallowed=0.1 if rng.random() < 0.03 else 0.0,
        faults=tuple(_fault(rng, arrivals_s + 0.8, exact=exact) for _ in range(count)),
        refusals=RefusalPolicy(events=rng.choice((0, 1, 1)), share=0.2, pause_ms=rng.choice((30, 300))),
    )


def _fault(rng: Random, within_s: float, *, exact: bool) -> Fault:
    kinds = _KINDS[:-1] if exact else _KINDS  # a clock that jumps makes a silence longer than it was
    return Fault(
        at_s=round(rng.random() * within_s, 3),
        kind=rng.choice(kinds),
        lasts_s=rng.choice((0.05, 0.2, 0.6, 1.1)),
        steps=rng.choice((1, 3, 10, 30, 100)) + rng.randrange(10),
    )
