"""The second opinion: River's ADWIN on a signal's location score. It stands in the evidence; it never decides.

``river.drift.ADWIN`` is used as it is (delta 0.002, clock 32), through the engine inside it: the wrapper costs 0.22 us a
value, the engine 0.05, and the engine's state is plain bytes, so that no pickle is read. A test holds that both see the same.

Delivery guarantees: the state is saved with River's version. Under another version the bytes are not read: the opinion
starts anew and ``since`` says at which value, which is evidence, not a decision.
"""

from operator import length_hint
from typing import Any

import river
from river._river_rust.drift import AdaptiveWindowing

__all__ = ["Opinion"]

#: delta, clock, max_buckets, min_window_length, grace_period: River's defaults.
_SETTINGS = (0.002, 32, 5, 5, 10)


class Opinion:
    """ADWIN over the values of one signal.

    >>> opinion = Opinion()
    >>> opinion.take([0.0] * 500 + [1.0] * 500)
    >>> opinion.cuts
    [512]
    """

    def __init__(self) -> None:
        self._engine = AdaptiveWindowing(*_SETTINGS)
        self.values = 0
        #: At how many values it last saw a change; the newest eight.
        self.cuts: list[int] = []
        self.since = 0

    def take(self, values: list[float]) -> None:
        """Take the next values; after a cut it starts anew, as River's own detector does."""
        rest = iter(values)
        while any(map(self._engine.update, rest)):
            cut = self.values + len(values) - length_hint(rest)
            self.cuts = [*self.cuts[-7:], cut]
            self._engine = AdaptiveWindowing(*_SETTINGS)
        self.values += len(values)

    def as_evidence(self) -> dict[str, Any]:
        """What it thinks: the mean of its window, how long it is, and how many values ago it last cut."""
        width = int(self._engine.get_width())
        return {
            "detector": "river.drift.ADWIN",
            "window": width,
            "mean": self._engine.get_total() / width if width else 0.0,
            "cuts": [self.values - cut for cut in self.cuts],
        }

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"river": river.__version__, "engine": self._engine.__getstate__(), "values": self.values,
                "cuts": self.cuts, "since": self.since}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Opinion":
        """Take the state back, as far as the same River wrote it."""
        opinion = cls()
        opinion.values, opinion.cuts, opinion.since = state["values"], state["cuts"], state["since"]
        if state["river"] == river.__version__:
            opinion._engine.__setstate__(state["engine"])
        else:
            opinion.since = opinion.values
        return opinion
