"""The warm-up of a feature's missing share: it keeps what each record held, until it is known which type the feature is of.

A value is missing that is null, absent, or of another type than the feature's reference. That type is known when the feature's
own warm-up ends, which may be later: there only values count, here all records. Where all values so far were of one type, this
warm-up ends in its own time, and the type is that one; where they were not, it waits for the feature's.

Bounded: as any warm-up; a record that held nothing is kept too.

Delivery guarantees: as of any warm-up, a function of the values, however they were cut; ``dump`` and ``load`` are bit for bit.
"""

from collections.abc import Iterable, Sequence
from sys import intern
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.signals import Value, WarmUp
from schemas.statistics import Signal

__all__ = ["MissingWarmUp", "new_warm_up"]

_NOTHING = "-"
_HELD: dict[type, str] = {type(None): _NOTHING, float: "number", bool: "boolean", str: "string"}


class MissingWarmUp(WarmUp):
    """See the module's text. It is given the feature's own values."""

    def __init__(self, first_ms: int) -> None:
        super().__init__(first_ms)
        #: The types that came.
        self.types: set[str] = set()
        #: The feature's, once its reference is there.
        self.type = ""

    def know(self, kind: type) -> None:
        """Be told which type the feature's reference takes."""
        self.type = _HELD[kind]

    def take(self, values: Sequence[Value], digests: NDArray[np.uint32], times: NDArray[np.int64]) -> None:
        """Keep what these records held."""
        held = _held(values)
        self.types |= _types(held)
        super().take(held, digests, times)

    def is_over(self, config: DriftConfig) -> bool:
        """Whether it has seen enough, and the feature's type is known."""
        return super().is_over(config) and not self._waits(())

    def ends_after(self, values: Sequence[Value], times: NDArray[np.int64], config: DriftConfig) -> int | None:
        """After how many of these records it will be over by itself; None where it waits for the feature's."""
        if self._waits(()):
            return None
        held = _held(values)
        rest = super().ends_after(held, times, config)
        return None if rest is None or self._waits(held[:rest]) else rest

    def _waits(self, held: Iterable[str]) -> bool:
        return not self.type and len(self.types | _types(held)) > 1

    def settled(self) -> WarmUp:
        """Whether each of the values was missing."""
        kind = self.type or next(iter(self.types))
        shares = WarmUp.load(super().dump())
        shares.values = [held != kind for held in self.values]
        return shares

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return super().dump() | {"types": sorted(self.types), "type": self.type}

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """Take the state back."""
        warm_up = super().load(state | {"values": list(map(intern, state["values"]))})
        warm_up.types, warm_up.type = set(state["types"]), state["type"]
        return warm_up


def new_warm_up(signal: Signal, first_ms: int) -> WarmUp:
    """The warm-up of a signal that begins now."""
    return MissingWarmUp(first_ms) if signal.kind == "missing" else WarmUp(first_ms)


def _held(values: Sequence[Value]) -> list[str]:
    return list(map(_HELD.__getitem__, map(type, values)))


def _types(held: Iterable[str]) -> set[str]:
    return set(held) - {_NOTHING}
