"""The alerts on the topic: of each fingerprint the record that was written last. Bounded: ``MOST`` fingerprints, the newest."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from app.folds.fold import Run
from schemas.alert import Alert
from schemas.json_text import shallow

__all__ = ["MOST", "AlertsRead"]

MOST = 10_000


class _Event(Struct):
    data: dict[str, Any]

    def __post_init__(self) -> None:
        """Refuse what has not the fields that are looked at."""
        msgspec.convert(self.data, Alert)


_decode = msgspec.json.Decoder(_Event).decode


class AlertsRead:
    """A reader of the history of ``alerts``; ``model``: only this model's."""

    topics: Sequence[str] = ("alerts",)

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self.latest: OrderedDict[str, dict[str, Any]] = OrderedDict()
        #: Records that are no alerts, and alerts that were let go for their number.
        self.unreadable = self.dropped = 0

    def feed(self, topic: str, partition: int, run: Run) -> None:
        """Keep what is newest."""
        for record in run:
            try:
                alert = _decode(shallow(record.value)).data
            except msgspec.DecodeError:
                self.unreadable += 1
                continue
            if self._model is not None and alert["labels"].get("model") != self._model:
                continue
            self.latest.pop(alert["fingerprint"], None)
            self.latest[alert["fingerprint"]] = alert
            if len(self.latest) > MOST:
                self.latest.popitem(last=False)
                self.dropped += 1

    def wants(self, topic: str, partition: int) -> bool:
        """Always."""
        return True

    def is_read(self, topic: str, partition: int) -> None:
        """Nothing follows from it."""

    def end(self) -> None:
        """Nothing is held."""
