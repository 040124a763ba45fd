"""When which worker is killed or paused, and when Alertmanager is away: drawn from a seed."""

from __future__ import annotations

import random
from typing import NamedTuple

__all__ = ["OUTAGE_SHARE", "Fault", "schedule"]

#: Of the records, when Alertmanager is stopped.
OUTAGE_SHARE = 0.5


class Fault(NamedTuple):
    """What is done, when this share of the records is sent, and to which workers."""

    share: float
    what: str
    workers: tuple[int, ...] = ()

    def __str__(self) -> str:
        of = f" of worker {' and '.join(map(str, self.workers))}" if self.workers else ""
        return {"kill": "kill -9", "pause": "pause", "outage": "outage of Alertmanager"}[self.what] + of


def schedule(seed: int, kills: int, pauses: int, outage_share: float) -> list[Fault]:
    """Kills at any time, of one worker or of both at once, but one in the outage; pauses of one worker in the first half."""
    rng = random.Random(seed)
    shares = [rng.uniform(0.05, 0.95) for _ in range(kills - 1)]
    if kills:
        shares.append(OUTAGE_SHARE + rng.uniform(0.2, 0.6) * outage_share)
    faults = [Fault(share, "kill", rng.choice([(0,), (1,), (0, 1)])) for share in shares]
    faults += [Fault(rng.uniform(0.05, 0.45), "pause", (rng.randrange(2),)) for _ in range(pauses)]
    return sorted(faults + [Fault(OUTAGE_SHARE, "outage")] * (outage_share > 0))
