"""The pair role: predictions in; pairs, dead letters and the counts of each minute out.

Side 0 is ``predictions.legacy``, side 1 ``predictions.shadow``. What is decided, and why, is in ``app.domain.pairing``; here
it meets the messages.

Delivery guarantees: see ``app.domain.pairing``. Ids are made of what was decided (model, request id, opening; source topic,
partition, offset), so a record that is written again after a crash has the id that it had.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from app.domain.minute_statistics import MinuteSource, minute_statistics
from app.domain.pair_counts import Cell
from app.domain.pair_record import pair_id, pair_record
from app.domain.pairing import Pairing
from app.domain.pairing_state import PairingPolicy, PairingState
from app.domain.placement import partition_of, place
from app.domain.request import Request
from app.folds.fold import Headers, LogAnswer, LogQuery, Outbox, Run, Silent
from schemas.cloudevents import binary_headers
from schemas.codec import PredictionDecoder
from schemas.dead_letter import Reason, dead_letter
from schemas.half import Half
from schemas.limits import Limits
from schemas.pair import PairStatus
from schemas.record import SourceRecord

__all__ = ["INPUTS", "ModelRules", "PairFold"]

INPUTS = ("predictions.legacy", "predictions.shadow")
_encode = msgspec.json.Encoder().encode


class ModelRules(NamedTuple):
    """What the configuration says of one model, as far as pairing goes."""

    shadows: tuple[str, ...] | Literal["auto"]
    tolerance: float
    shards: int


class _Outputs:
    """The sink of the pairing: decisions become records."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        full_names: Sequence[str],
        rules: Callable[[str], ModelRules],
        configuration: str,
        limits: Limits,
    ) -> None:
        self._room_bytes = limits.dead_letter_bytes
        self._partition, self._partitions = partition, partitions
        self._full_names, self._rules, self._configuration = full_names, rules, configuration
        self._of_models: dict[str, tuple[bytes, int, ModelRules]] = {}
        headers = binary_headers("io.gnomon.pair.v1", "/gnomon/pair", "")
        self._headers: Headers = [header for header in headers if header[0] != "ce_id"]
        self.out: Outbox = Silent()
        self.silent = True

    def write(self, request: Request, status: PairStatus) -> None:
        """A request is done."""
        if self.silent:
            return
        name = request.model.name
        key, partition, rules = self._of_models.get(name) or self._model(name)
        if rules.shards > 1:
            partition = self._shard(name, request.request_id, rules.shards)
        headers = [*self._headers, ("ce_id", pair_id(request).encode())]
        self.out.send("pairs", partition, key, pair_record(request, status, rules.tolerance), headers)

    def _model(self, name: str) -> tuple[bytes, int, ModelRules]:
        found = self._of_models[name] = (name.encode(), place(name, self._partitions), self._rules(name))
        return found

    def _shard(self, name: str, request_id: str, shards: int) -> int:
        return place(f"{name}#{partition_of(request_id.encode(), shards)}", self._partitions)

    def refuse(self, side: int, record: SourceRecord, reason: Reason, detail: str) -> None:
        """An event is no part of a record."""
        if not self.silent:
            letter = dead_letter(self._full_names[side], INPUTS[side], self._partition, record, reason, detail, self._room_bytes)
            self.out.send("dead.letters", self._partition, *letter)

    def count(self, minute: int, cells: dict[str, Cell]) -> None:
        """A minute is over."""
        if self.silent:
            return
        source = MinuteSource(INPUTS, tuple(self._full_names), self._partition, self._configuration)
        for placed_by, id_, statistics in minute_statistics(source, minute, cells):
            headers = binary_headers("io.gnomon.drift.statistics.v1", "/gnomon/pair", id_, statistics.window.end, statistics.key)
            key = statistics.key.encode()
            self.out.send("drift.statistics", place(placed_by, self._partitions), key, _encode(statistics), headers)


class PairFold:
    """See the module's text. ``full_names`` are those of the inputs, prefix included."""

    snapshots = False

    def __init__(
        self,
        partition: int,
        partitions: int,
        full_names: Sequence[str],
        policy: PairingPolicy,
        rules: Callable[[str], ModelRules],
        limits: Limits,
        configuration: str,
    ) -> None:
        self._partition, self._partitions = partition, partitions
        self._policy, self._rules = policy, rules
        self._decode = PredictionDecoder(limits).decode
        self._outputs = _Outputs(partition, partitions, full_names, rules, configuration, limits)
        self._pairing: Pairing
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
        key = record.key if record.key is not None else str(half.request_id).encode()
        return partition_of(key, self._partitions) != self._partition

    def feed(self, side: int, run: Run, out: Outbox) -> int:
        """Read a run, as far as the other side allows."""
        self._outputs.out = out
        return self._pairing.feed(side, run, run.end, self._outputs)

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Note where there is nothing to wait for."""
        self._pairing.ends = list(ends)
        self._answered_ms = answered_ms

    def rebuilt(self) -> None:
        """Take up where the checkpoint left off."""
        self._pairing.rebuilt(self._outputs)
        self._outputs.silent = False

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Move the time of a silent side."""
        self._outputs.out = out
        return self._pairing.idle(self._answered_ms, idle_ms, self._outputs)

    def wants(self, side: int) -> bool:
        """Always: a side that is ahead waits in the inbox, which is bounded."""
        return True

    def low(self) -> Sequence[int]:
        """From where the halves and the traces come back."""
        self._low = self._pairing.low()
        return self._low

    def save(self) -> bytes:
        """What the logs cannot give back."""
        return _encode(self._pairing.state(self._low))

    def replays(self) -> bool:
        """While halves wait: they would be lost. Without any, only the memory of copies is."""
        return self._pairing.book.waiting > 0

    def snapshot(self) -> None:
        """There is none: the logs are the state."""

    def questions(self) -> Sequence[LogQuery]:
        """None."""
        return ()

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        """Nothing was asked."""

    def figures(self) -> dict[str, float]:
        """Where the events of this partition went; ``unaccounted`` must be 0."""
        book, totals = self._pairing.book, self._pairing.book.totals
        return {
            "read": float(totals.read),
            "in_records": float(totals.in_records),
            "records": float(totals.records),
            "duplicate": float(totals.duplicate),
            "late": float(totals.late),
            "rejected": float(totals.rejected),
            "waiting": float(book.waiting),
            "unaccounted": float(self._pairing.unaccounted),
        }
