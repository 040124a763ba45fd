"""A read model of many models, written to Redis by fold and ledger of the role serve, and changed as a worker changes it."""

import random
from typing import Any

from redis.asyncio import Redis

from agents.serve import ServeFold
from app.domain.placement import place
from app.folds.fold import at_once
from app.read_model import RedisLedger
from tests.read_model_records import ALERTS, SIDES, STATISTICS, TRIGGERS, Record, Writes, alert, pairing, run, statistics, trigger

__all__ = ["PARTITIONS", "Filled"]

PARTITIONS = 4
_WINDOWS = 6
_ALERTS, _TRIGGERS = 200, 100
_CLASSES = 20


class Filled:
    """``models`` models with ``signals`` signals each."""

    def __init__(self, client: Redis, models: int, signals: int) -> None:
        self.names = [f"model-{at:04}" for at in range(models)]
        self._signals, self._rng = signals, random.Random(1)
        self._folds = [ServeFold(partition) for partition in range(PARTITIONS)]
        self._ledgers = [RedisLedger(client, "", "serve", partition, SIDES) for partition in range(PARTITIONS)]
        self._minute = 0

    async def fill(self) -> None:
        """Write all of it."""
        for fold, ledger in zip(self._folds, self._ledgers, strict=True):
            await ledger.open()
            fold.restore(None, None, [0] * SIDES)
        for _ in range(_WINDOWS):
            await self.change(self.names)
        alerts = [(name, ALERTS, alert(model=name, fingerprint=f"f{at}")) for at, name in enumerate(self.names[:_ALERTS])]
        triggers = [(name, TRIGGERS, trigger(f"t{at}", model=name)) for at, name in enumerate(self.names[:_TRIGGERS])]
        await self._write(alerts + triggers)

    async def change(self, names: list[str]) -> None:
        """One more window of all signals of these models."""
        self._minute += 1
        records = []
        for name in names:
            records.append((name, STATISTICS, pairing(name, minute=self._minute, read=2_000, paired=995, legacy_only=5)))
            records += [(name, STATISTICS, self._window(name, at)) for at in range(self._signals)]
        await self._write(records)

    async def beat(self) -> None:
        """What tells readers that somebody keeps it up to date."""
        await self._write([])

    async def _write(self, records: list[tuple[str, int, Record]]) -> None:
        for partition, (fold, ledger) in enumerate(zip(self._folds, self._ledgers, strict=True)):
            writes = Writes()
            for side in (STATISTICS, ALERTS, TRIGGERS):
                mine = [each for name, of, each in records if of == side and place(name, PARTITIONS) == partition]
                at_once(fold.feed(side, run(mine), writes))
            fold.sees_ends([True] * SIDES, 0)
            fold.idle([0] * SIDES, writes)
            await ledger.commit(writes.sent, fold.save(), [0] * SIDES)

    def _window(self, model: str, at: int) -> Record:
        rng = self._rng
        counts = [float(rng.randrange(100)) for _ in range(_CLASSES)]
        figures: dict[str, Any] = {
            "values": sum(counts), "missing": 0.0, "mean": rng.gauss(0, 1), "sd": 1.0, "min": -3.0, "max": 3.0,
            "reference": {"values": 7_000, "mean": 0.0, "sd": 1.0, "min": -3.1, "max": 3.2}, "psi": rng.random(),
            "histogram": {"ends": [each / 7 for each in range(_CLASSES - 1)], "counts": counts,
                          "reference_shares": [0.05] * _CLASSES}, "ks": rng.random(),
            "baseline": {"id": "warm-up:1-2", "digest": "sha256:" + "0" * 64}, "since": 1_790_000_000_000,
        }  # fmt: skip
        state = rng.choices(("quiet", "warning", "drift"), (0.9, 0.05, 0.05))[0]
        score = rng.random()
        return statistics(model, "1.4.0", name=f"feature-{at:02}", minute=self._minute, state=state, score=score, **figures)
