"""The detect role: pairs, and later their outcomes, in; what is known of each signal out, as ``drift.statistics``.

Side 0 is ``pairs``, side 1 ``outcomes``. Outcomes are read and refused here; a valid one is only counted for now. The
decisions are in ``app.domain.watch``; this file decodes, asks, and sends.

Delivery guarantees: the state is a function of the two logs alone, each side's of its own log. A snapshot holds all of it,
bit for bit, so a restart from a snapshot and the records behind it writes the same bytes as a run that never stopped. Pairs
are held up to a second (``app.domain.holding``); how far they were looked at is in ``save``. Ids are deterministic. A pair
record that does not fit is none of ours (the pair role writes them): it is counted and skipped.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from app.domain.drift_config import DriftConfig
from app.domain.holding import WAIT_MS, Held, Holding
from app.domain.pair_rows import Placed, decode_pair
from app.domain.reports import Emission, Source
from app.domain.state_codec import decode_state, encode_state
from app.domain.watch import ModelWatch
from app.folds.fold import LogAnswer, LogQuery, Outbox, Record, Run, Silent
from schemas.cloudevents import binary_headers
from schemas.dead_letter import dead_letter
from schemas.errors import DecodeError
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder

__all__ = ["INPUTS", "MODELS", "DetectFold"]

INPUTS = ("pairs", "outcomes")
#: Models watched on one partition; pairs of further ones are counted in ``refused_models``.
MODELS = 4_096
_TYPE, _SOURCE = "io.gnomon.drift.statistics.v1", "/gnomon/detect"
_COUNTS = ("pairs", "pairs_malformed", "pairs_refused", "outcomes", "outcomes_refused", "statistics")

_encode = msgspec.json.Encoder().encode


class _Saved(Struct):
    looked_at: int


class DetectFold:
    """See the module's text. ``topics`` are the full names, prefix included, of the two inputs."""

    snapshots = True

    def __init__(
        self, partition: int, *, topics: tuple[str, str], drift_config_for: Callable[[str], DriftConfig], limits: Limits
    ) -> None:
        self._partition, self._topics, self._config_for = partition, topics, drift_config_for
        self._decode_outcome = OutcomeDecoder(limits)
        self._room_bytes = limits.dead_letter_bytes
        self._watches: dict[str, ModelWatch] = {}
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._holding = Holding()

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin with what a snapshot holds, or with nothing."""
        self._watches, self._counts, self._holding = {}, dict.fromkeys(_COUNTS, 0), Holding()
        if snapshot is not None:
            state = decode_state(snapshot)
            self._counts |= state["counts"]
            self._holding = Holding.load(state["holding"])
            for one in state["watches"]:
                source, config = self._settings(one["model"])
                self._watches[one["model"]] = ModelWatch.load(one, source, config)
        self._holding.rebuild_to(msgspec.json.decode(saved, type=_Saved).looked_at if saved else None)

    def feed(self, side: int, run: Run, out: Outbox) -> None:
        """Fold in one run of one side."""
        if side:
            self._outcomes(run, out)
        else:
            held = [Held(record.offset, record.timestamp, record.value or b"") for record in run]
            self._look(self._holding.take(held), out)

    def _look(self, records: Sequence[Held], out: Outbox) -> None:
        placed: dict[str, list[Placed]] = {}
        for record in records:
            try:
                pair = decode_pair(record.value)
            except ValueError:
                self._counts["pairs_malformed"] += 1
            else:
                placed.setdefault(pair.model, []).append((record.offset, pair))
        emissions: list[Emission] = []
        for model, pairs in placed.items():
            if watch := self._watch(model):
                emissions += watch.feed(pairs)
                self._counts["pairs"] += len(pairs)
            else:
                self._counts["pairs_refused"] += len(pairs)
        for emission in sorted(emissions, key=lambda one: one.offset):
            self._send(emission, out)

    def _send(self, emission: Emission, out: Outbox) -> None:
        record, key = emission.statistics, emission.key
        headers = binary_headers(_TYPE, _SOURCE, emission.id, record.window.end, key)
        out.send("drift.statistics", self._partition, key.encode(), _encode(record), headers)
        self._counts["statistics"] += 1

    def _outcomes(self, run: Run, out: Outbox) -> None:
        for record in run:
            try:
                self._decode_outcome(record)
            except DecodeError as refusal:
                self._refuse(record, refusal, out)
            else:
                self._counts["outcomes"] += 1

    def _refuse(self, record: Record, refusal: DecodeError, out: Outbox) -> None:
        letter = dead_letter(
            self._topics[1], INPUTS[1], self._partition, record, refusal.reason, refusal.detail, self._room_bytes
        )
        out.send("dead.letters", self._partition, *letter)
        self._counts["outcomes_refused"] += 1

    def _settings(self, model: str) -> tuple[Source, DriftConfig]:
        config = self._config_for(model)
        return Source(model, self._topics[0], self._partition, config.digest), config

    def _watch(self, model: str) -> ModelWatch | None:
        watch = self._watches.get(model)
        if watch is None and len(self._watches) < MODELS:
            watch = self._watches[model] = ModelWatch(*self._settings(model))
        return watch

    def rebuilt(self) -> None:
        """Catch up with what the first run had looked at, and said."""
        self._look(self._holding.go_live(), Silent())

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """On a silent log nobody comes to keep the held pairs company."""
        if idle_ms[0] is None or idle_ms[0] < WAIT_MS:
            return False
        due = self._holding.release()
        self._look(due, out)
        return bool(due)

    def wants(self, side: int) -> bool:
        """Always: nothing waits for another side."""
        return True

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Nothing depends on what is still to be read."""

    def save(self) -> bytes:
        """How far the pairs were looked at; all else is in the snapshot and the log behind it."""
        return _encode(_Saved(self._holding.looked_at))

    def low(self) -> None:
        """A rebuild begins where the snapshot was taken."""

    def replays(self) -> bool:
        """Always: a snapshot without the records behind it is an old state."""
        return True

    def snapshot(self) -> bytes:
        """The whole state."""
        return encode_state(
            {
                "counts": self._counts,
                "holding": self._holding.dump(),
                "watches": [watch.dump() for watch in self._watches.values()],
            }
        )

    def questions(self) -> Sequence[LogQuery]:
        """None."""
        return ()

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        """Nothing was asked."""

    def figures(self) -> dict[str, float]:
        """Counts since the log's beginning, and what is watched now."""
        watches = list(self._watches.values())
        states = [one.episode.state for watch in watches for panel in watch.panels for one in panel.watched]
        figures: dict[str, float] = {name: float(count) for name, count in self._counts.items()}
        figures |= {f"signals_{state}": float(states.count(state)) for state in ("warming", "quiet", "warning", "drift")}
        figures["models"] = float(len(watches))
        figures["alarms"] = float(sum(watch.alarms for watch in watches))
        figures["refused"] = float(sum(watch.refusals for watch in watches))
        return figures
