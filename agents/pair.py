"""The pair role: predictions in; pairs, dead letters and the counts of each minute out.

Side 0 is ``predictions.legacy``, side 1 ``predictions.shadow``. What is decided, and why, is in ``app.domain.pairing``; here it
meets the messages.

Delivery guarantees: see ``app.domain.pairing.pairing``. Ids are made of what was decided (model, request id, opening; source
topic, partition, offset), so a record that is written again after a crash has the id that it had.
"""

from collections.abc import Callable, Sequence

import msgspec

from app.domain.pairing.minute_statistics import MinuteSource, minute_statistics
from app.domain.pairing.pair_counts import Cell, topic_cell
from app.domain.pairing.pair_places import ModelRules, PairPlaces
from app.domain.pairing.pair_record import pair_headers, pair_record
from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy, PairingState
from app.domain.pairing.refusal_limit import RefusalLimit, RefusalPolicy
from app.domain.pairing.request import Request
from app.domain.placement import partition_of, place
from app.folds.fold import Fold, Outbox, Run, Silent
from schemas.codec import PredictionDecoder
from schemas.dead_letter import Reason, dead_letter
from schemas.events import statistics_event
from schemas.half import Half
from schemas.limits import Limits
from schemas.pair import PairStatus
from schemas.record import SourceRecord

__all__ = ["INPUTS", "ModelRules", "PairFold"]

INPUTS = ("predictions.legacy", "predictions.shadow")


class _Outputs:
    """The sink of the pairing: decisions become records, unless they were written before the restart already."""

    def __init__(self, source: MinuteSource, partitions: int, places: PairPlaces, room_bytes: int) -> None:
        self._source, self._partitions, self._places, self._room_bytes = source, partitions, places, room_bytes
        self.out: Outbox = Silent()
        self.silent = True

    def write(self, request: Request, status: PairStatus) -> None:
        """A request is done."""
        if self.silent:
            return
        model = request.model.name
        key, partition, rules = self._places.of(model)
        if rules.shards > 1:
            partition = self._places.of_shard(model, request.request_id, rules.shards)
        self.out.send("pairs", partition, key, pair_record(request, status, rules.tolerance), pair_headers(request))

    def refuse(self, side: int, record: SourceRecord, reason: Reason, detail: str) -> None:
        """An event is no part of a record."""
        if not self.silent:
            topic, at = self._source.full_names[side], self._source.partition
            self.out.send("dead.letters", at, *dead_letter(topic, INPUTS[side], at, record, reason, detail, self._room_bytes))

    def count(self, minute: int, cells: dict[str, Cell]) -> None:
        """A minute is over."""
        if not self.silent:
            for placed_by, id_, statistics in minute_statistics(self._source, minute, cells):
                event = statistics_event("/gnomon/pair", id_, statistics)
                self.out.send("drift.statistics", place(placed_by, self._partitions), *event)


class PairFold(Fold):
    """See the module's text. ``full_names`` are those of the inputs, prefix included."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        full_names: Sequence[str],
        policy: PairingPolicy,
        rules: Callable[[str], ModelRules],
        limits: Limits,
        configuration: str,
        refusals: RefusalPolicy,
    ) -> None:
        self._partition, self._partitions = partition, partitions
        self._policy, self._rules = policy, rules
        self._decode = PredictionDecoder(limits).decode
        source = MinuteSource(INPUTS, tuple(full_names), partition, configuration, policy.clock_skew_ms)
        self._outputs = _Outputs(source, partitions, PairPlaces(partitions, rules), limits.dead_letter_bytes)
        self._pairing: Pairing
        self._refusals, self._limits = refusals, [RefusalLimit(refusals) for _ in INPUTS]
        self._pauses_s = [0.0 for _ in INPUTS]
        self._low: list[int] = []
        self._answered_ms = 0

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin; the halves come back from the logs."""
        state = None if saved is None else msgspec.json.decode(saved, type=PairingState)
        self._pairing = Pairing(
            self._policy, lambda name: self._rules(name).shadows, self._decode, self._is_misrouted, state, position
        )

    def _is_misrouted(self, record: SourceRecord, half: Half) -> bool:
        """Whether the Java client would have put this key on another partition; without a key, the request id."""
        key = record.key if record.key is not None else half.request_id.encode()
        return partition_of(key, self._partitions) != self._partition

    def feed(self, side: int, run: Run, out: Outbox) -> int:
        """Read a run, as far as the other side allows."""
        self._outputs.out = out
        totals = self._pairing.book.totals
        before = totals.rejected
        taken = self._pairing.feed(side, run, run.end, self._outputs)
        if not self._outputs.silent and self._limits[side].passes(taken, totals.rejected - before):
            self._pause(side)
        return taken

    def _pause(self, side: int) -> None:
        """Tell at once what was refused, since no minute may be over for long."""
        self._pauses_s[side] = self._refusals.pause_ms / 1000
        for minute, cell in self._pairing.book.minutes.take_out(topic_cell(side)):
            cell.paused += 1
            self._outputs.count(minute, {topic_cell(side): cell})

    def pause_s(self, side: int) -> float:
        """Wait where nearly all is refused."""
        pause_s, self._pauses_s[side] = self._pauses_s[side], 0.0
        return pause_s

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Note where there is nothing to wait for."""
        self._pairing.ends, self._answered_ms = list(ends), answered_ms

    def rebuilt(self) -> None:
        """Take up where the checkpoint left off."""
        self._pairing.rebuilt(self._outputs)
        self._outputs.silent = False

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Move the time of a silent side."""
        self._outputs.out = out
        return self._pairing.idle(self._answered_ms, idle_ms, self._outputs)

    def low(self) -> Sequence[int]:
        """From where the halves and the traces come back."""
        self._low = self._pairing.low()
        return self._low

    def save(self) -> bytes:
        """What the logs cannot give back."""
        return msgspec.json.encode(self._pairing.state(self._low))

    def replays(self) -> bool:
        """While halves wait: they would be lost. Without any, only the memory of copies is."""
        return self._pairing.book.waiting > 0

    def figures(self) -> dict[str, float]:
        """Where the events of this partition went."""
        book, pauses = self._pairing.book, sum(limit.pauses for limit in self._limits)
        return {**book.totals.figures(book.waiting), "pauses": pauses}
