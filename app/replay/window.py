"""The window of the log that a baseline is made from: a model's pairs in a stretch of history, gathered partition by partition.

A model whose pairs are spread over several partitions is gathered in each by itself, as its shards are watched, and joined in the
order of the partitions, so what comes of it does not depend on which was fetched first. Bounded: values by
``app.domain.detection.baseline_making``; of the pairs' ids only a digest is kept.
"""

import hashlib
from collections.abc import Sequence

from app.domain.detection.baseline_making import Gathering
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Record, Run
from schemas.baseline import BaselineSource, BaselineStretch
from schemas.cloudevents import event_id, rfc3339

__all__ = ["Window"]


class Window:
    """Takes a history in (``app.replay.history.Reader``)."""

    topics = ("pairs",)

    def __init__(self, model: str, config: DriftConfig) -> None:
        self._model, self._config = model, config
        self._parts: dict[int, _Part] = {}

    def feed(self, topic: str, partition: int, run: Run) -> None:
        """The next run of a partition."""
        records = [record for record in run if record.key == self._model.encode()]
        if not records:
            return
        part = self._parts.get(partition)
        if part is None:
            part = self._parts[partition] = _Part(records[0].offset, Gathering(self._model, self._config))
        part.take(records)

    def wants(self, topic: str, partition: int) -> bool:
        """Always: nothing waits for anything."""
        return True

    def is_read(self, topic: str, partition: int) -> None:
        """Nothing more comes of a partition."""

    def end(self) -> None:
        """Nothing is held."""

    def gathered(self) -> Gathering:
        """All partitions as one."""
        whole = Gathering(self._model, self._config)
        for _, part in sorted(self._parts.items()):
            whole.join(part.gathering)
        return whole

    def source(self) -> BaselineSource:
        """Where it is from."""
        parts = [part.gathering for part in self._parts.values()]
        first, last = min(one.first_ms for one in parts), max(one.last_ms for one in parts)
        stretches = [part.stretch(partition) for partition, part in sorted(self._parts.items())]
        return BaselineSource("pairs", stretches, rfc3339(first), rfc3339(last))


class _Part:
    """One partition's."""

    def __init__(self, start: int, gathering: Gathering) -> None:
        self.gathering = gathering
        self._start = self._end = start
        self._records, self._ids = 0, hashlib.sha256()

    def take(self, records: Sequence[Record]) -> None:
        """The model's next records."""
        self.gathering.take(records)
        ids = "\n".join(event_id(record.headers) for record in records)
        self._ids.update((f"\n{ids}" if self._records else ids).encode())
        self._records += len(records)
        self._end = records[-1].offset + 1

    def stretch(self, partition: int) -> BaselineStretch:
        """What was read of it."""
        return BaselineStretch(partition, self._start, self._end, self._records, f"sha256:{self._ids.hexdigest()}")
