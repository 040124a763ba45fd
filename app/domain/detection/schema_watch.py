"""Which features a model's requests have, and of which types: what is new, vanished, or of another type than before.

The first ``warm_up`` rows make the reference: for each feature its types, and the share of rows that have it. From then on, at
the end of each window:

- *new*: a feature that the reference lacks has a value in 1 % of the window's rows, at least 5;
- *retyped*: so many values are of a type that the reference does not have for the feature;
- *vanished*: the feature was not seen, of any type, for so many rows, at least 100 and three times the longest gap of the
  reference, that chance alone would do it once in 10^9 times.

While there is any such change the state is ``drift``. A change of which a whole window shows nothing is over; one that lasts
``warm_up`` rows is how things are now: it joins the reference, ``accepted`` says so once, and the state is ``quiet`` when none is
left. A category that was never seen is none of this: it counts as ``(other)`` among the feature's own shares.

Rows that a feature's kernel found whole are not looked at again: they have the type that its reference has. Features that are
ignored are not compared; one that is watched again is where it was, as if seen at the restart.

Bounded: ``config.features`` features, new ones included, of three types each, beside those that were ignored. What has no room is
no change: the panel, which has the same bound, counts its values. A feature that vanished for good makes room. Delivery
guarantees: a pure function of the rows, however they were cut; ``dump`` and ``load`` are bit for bit.
"""

from collections.abc import Collection, Mapping
from itertools import pairwise
from math import ceil, log, log1p
from typing import Any, NamedTuple

from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from schemas.statistics import DetectorState

__all__ = ["SchemaWatch"]

_TYPES: dict[type, str] = {float: "number", bool: "boolean", str: "string"}
_LEAST_SHARE, _LEAST_ROWS = 0.01, 5
_LEAST_GAP, _CHANCE, _SUREST, _GAPS = 100, 1e-9, 0.99, 3
#: Of a watch, those that are plain.
_NUMBERS = ("state", "since_ms", "_rows", "_window_begin", "_first_ms", "_last_ms")


class _Place(NamedTuple):
    """A row, by number, and where it lies in the log."""

    row: int
    offset: int
    time_ms: int


class _Field(NamedTuple):
    """A feature of the reference: the share of rows that have it, its types, where it was seen last, its longest gap in rows."""

    share: float
    types: list[str]
    last: _Place
    gap: int

    @property
    def longest_gap(self) -> int:
        """Rows in a row without it that chance alone may bring about, or a night like those of the reference."""
        return max(_LEAST_GAP, ceil(log(_CHANCE) / log1p(-min(self.share, _SUREST))), _GAPS * self.gap)


class _Seen(NamedTuple):
    """Values of one type of one feature that the reference does not have; ``gap``: the most rows in a row without one."""

    values: int
    first: _Place
    last: _Place
    gap: int


class _Change(NamedTuple):
    """What is otherwise than in the reference: the first row of it, the types in this window, all values so far."""

    first: _Place
    types: list[str]
    values: int


class SchemaWatch:
    """See the module's text. ``take`` and ``close`` are called by the panel of inputs, whose windows these are."""

    def __init__(self, config: DriftConfig) -> None:
        self._config = config
        self.state: DetectorState = "warming"
        self.since_ms = 0
        self._rows = self._window_begin = self._first_ms = self._last_ms = 0
        self._reference: dict[str, _Field] = {}
        #: What the reference has of features that are ignored now.
        self._ignored: dict[str, _Field] = {}
        #: In the warm-up, then in the window: by feature and type.
        self._others: dict[tuple[str, str], _Seen] = {}
        #: By kind and feature: those that are not over.
        self._changes: dict[tuple[str, str], _Change] = {}
        self._accepted: list[tuple[str, str]] = []

    def take(self, rows: Rows, begin: int, end: int, whole: Mapping[str, str]) -> None:
        """Take some rows in; in these the features in ``whole`` have values of this type throughout."""
        if not self._rows:
            self._first_ms = self._last_ms = self.since_ms = int(rows.times[begin])
        found: list[tuple[_Place, str, str, _Seen]] = []
        for signal, column in rows.columns.items():
            name, field = signal.name, self._reference.get(signal.name)
            if field is not None and whole.get(name) in field.types:
                self._reference[name] = field._replace(last=self._place(rows, begin, end - 1))
                continue
            types = [_TYPES.get(type(value)) for value in column[begin:end]]
            for kind in set(types) - {None}:
                first, last = begin + types.index(kind), end - 1 - types[::-1].index(kind)
                if field is not None:
                    field = self._reference[name] = field._replace(last=max(field.last, self._place(rows, begin, last)))
                if field is None or kind not in field.types:
                    at = [i for i, other in enumerate(types) if other == kind]
                    gap = max((after - before for before, after in pairwise(at)), default=0)
                    place = self._place(rows, begin, first)
                    found.append((place, name, kind or "", _Seen(len(at), place, self._place(rows, begin, last), gap)))
        self._count(sorted(found))
        self._rows += end - begin
        self._last_ms = max(self._last_ms, int(rows.times[begin:end].max()))

    def _place(self, rows: Rows, begin: int, at: int) -> _Place:
        return _Place(self._rows + at - begin, int(rows.offsets[at]), int(rows.times[at]))

    def _count(self, found: list[tuple[_Place, str, str, _Seen]]) -> None:
        """Count what is of known features, and of as many others, the first that come, as the reference has room for."""
        newcomers = {name for name, _ in self._others} | {name for change, name in self._changes if change == "new"}
        newcomers -= self._reference.keys()
        for _, name, kind, seen in found:
            if name not in self._reference and name not in newcomers:
                if len(self._reference) + len(newcomers) >= self._config.features:
                    continue
                newcomers.add(name)
            before = self._others.get((name, kind))
            if before is not None:
                gap = max(before.gap, seen.gap, seen.first.row - before.last.row)
                seen = _Seen(before.values + seen.values, before.first, seen.last, gap)
            self._others[name, kind] = seen

    def close(self, time_ms: int) -> None:
        """End a window, whose last record has this event time."""
        if self.state != "warming":
            self._compare(time_ms)
        elif self._rows >= self._config.warm_up and self._last_ms - self._first_ms >= self._config.warm_up_ms:
            for name, kind in sorted(self._others):
                seen = self._others[name, kind]
                self._join(name, kind, seen.values / self._rows, max(seen.gap, self._rows - seen.last.row))
            self._enter("quiet", time_ms)
        else:
            return
        self._others, self._window_begin = {}, self._rows

    def _join(self, name: str, kind: str, share: float, gap: int) -> None:
        """Let a type of a feature be part of the reference; in this share of the rows, with this longest gap."""
        seen, field = self._others[name, kind], self._reference.get(name, _Field(0.0, [], _Place(0, 0, 0), 0))
        share, gap = min(1.0, field.share + share), gap if not field.types else min(gap, field.gap)
        self._reference[name] = _Field(share, [*field.types, kind], max(field.last, seen.last), gap)

    def _compare(self, time_ms: int) -> None:
        now, before = self._now(), self._changes
        self._changes = {}
        for change, found in sorted(now.items()):
            known = before.get(change, found._replace(values=0))
            self._changes[change] = found._replace(first=known.first, values=known.values + found.values)
        limit = self._rows - self._config.warm_up
        self._accepted = [change for change, found in self._changes.items() if found.first.row <= limit]
        for change in self._accepted:
            self._accept(*change, self._changes.pop(change))
        if self._changes and self.state == "quiet":
            self._enter("drift", time_ms)
        elif not self._changes and self.state == "drift":
            self._enter("quiet", time_ms)

    def _now(self) -> dict[tuple[str, str], _Change]:
        """What is otherwise than in the reference, as this window shows it."""
        least = max(_LEAST_ROWS, _LEAST_SHARE * (self._rows - self._window_begin))
        now: dict[tuple[str, str], _Change] = {}
        for (name, kind), seen in sorted(self._others.items()):
            change = ("retyped" if name in self._reference else "new", name)
            if change in self._changes or change in now or seen.values >= least:
                first, types, values = now.get(change, _Change(seen.first, [], 0))
                now[change] = _Change(min(first, seen.first), [*types, kind], values + seen.values)
        for name, field in self._reference.items():
            if self._rows - 1 - field.last.row > field.longest_gap:
                now["vanished", name] = _Change(field.last, [], 0)
        return now

    def _accept(self, change: str, name: str, found: _Change) -> None:
        if change == "vanished":
            del self._reference[name]
            return
        kinds = sorted(kind for other, kind in self._others if other == name)
        share = found.values / (self._rows - found.first.row) / len(kinds)
        for kind in kinds:
            if name in self._reference or len(self._reference) < self._config.features:
                # It was in each window since, so no gap was as long as two.
                self._join(name, kind, share, 2 * (self._rows - self._window_begin))

    def _enter(self, state: DetectorState, time_ms: int) -> None:
        self.state, self.since_ms = state, time_ms

    def figures(self) -> dict[str, Any]:
        """What stands in ``statistics``."""
        if self.state == "warming":
            return {"warm_up": {"values": self._rows, "needed": self._config.warm_up}, "since": self.since_ms}
        figures: dict[str, Any] = {"features": len(self._reference), "since": self.since_ms}
        figures |= {kind: [] for kind in ("new", "retyped", "vanished")}
        for (change, name), found in self._changes.items():
            known = self._reference.get(name)
            figures[change].append({"name": name, "types": found.types, "reference_types": known.types if known else []})
        figures["accepted"] = [f"{change} {name}" for change, name in self._accepted]
        if self._changes:
            first = min(found.first for found in self._changes.values())
            figures["change"] = {"offset": first.offset, "timestamp": first.time_ms, "events": self._rows - first.row}
        return figures

    @property
    def score(self) -> float:
        """How many features are otherwise."""
        return float(len(self._changes))

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {
            "numbers": {name: getattr(self, name) for name in _NUMBERS},
            "reference": {name: list(field) for name, field in sorted((self._reference | self._ignored).items())},
            "ignored": sorted(self._ignored),
            "others": [[*key, *seen] for key, seen in sorted(self._others.items())],
            "changes": [[*key, *found] for key, found in self._changes.items()], "accepted": self._accepted,
        }  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any], config: DriftConfig) -> "SchemaWatch":
        """Take the state back; features that are ignored by now are not compared."""
        watch = cls(config)
        vars(watch).update(state["numbers"])
        reference, others, changes = state["reference"], state["others"], state["changes"]
        watch._reference = {name: _Field(share, types, _Place(*at), gap) for name, (share, types, at, gap) in reference.items()}
        watch._others = {(name, kind): _Seen(values, _Place(*a), _Place(*b), gap) for name, kind, values, a, b, gap in others}
        watch._changes = {(kind, name): _Change(_Place(*first), types, values) for kind, name, first, types, values in changes}
        watch._accepted = [(change, name) for change, name in state["accepted"]]
        watch._ignore(config.ignored_features, state["ignored"])
        return watch

    def _ignore(self, names: Collection[str], before: Collection[str]) -> None:
        """Put aside what the reference has of these features; what was aside before, and is not now, is as if just seen."""
        newest = max((field.last for field in self._reference.values()), default=_Place(0, 0, 0))._replace(row=self._rows - 1)
        self._reference |= {name: self._reference[name]._replace(last=newest) for name in set(before).difference(names)}
        self._ignored = {name: self._reference.pop(name) for name in names if name in self._reference}
        self._others = {key: seen for key, seen in self._others.items() if key[0] not in names}
        self._changes = {key: change for key, change in self._changes.items() if key[1] not in names}
