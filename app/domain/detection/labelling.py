"""One model's pairs meet their outcomes.

A pair waits until the model's outcomes have moved on by ``label_delay_ms`` of event time; then it is *settled*, with the outcome
that it has by then or without one. Pairs are settled in the order of their offsets, never in the order in which outcomes come:
errors that are known later than successes would look like a drift (249 false alarms in 1,000,000 values against 0.7, measured).

What an outcome meets:

    its pair waits, without one            it is the pair's outcome
    its pair waits, and has one            a duplicate, counted; a correction takes its place
    its pair is not there (yet)            it waits for it; the oldest that wait are let go, and counted as unmatched

How far outcomes have moved on, clocks say that no few wrong records move (``log_clocks``). A pair's moment is what the clock of
the pairs shows twelve pairs later, since so far it lies behind. Of the latest, which have no twelve after them, it is their own
time, or what the clock shows if that is later: a pair whose time is ahead holds those behind it up until twelve more have come.

Bounded: ``label_pairs`` pairs wait, and as many outcomes. Beyond that pairs are *thinned*: those stay whose request id's hash
falls into one half, then a quarter, and so on, and outcomes of the others are not kept either; once a quarter of the room is
enough, the thinning is taken back by one half. Before its first outcome a model keeps its newest 2,048 pairs and no more.

Delivery guarantees: a pure function of the records in the order that the marks give them (``placed_outcomes``); ``dump`` and
``load`` are bit for bit.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any
from zlib import crc32

import msgspec

from app.domain.detection.awaited_pairs import AwaitedPairs, Awaiting, Label
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.log_clocks import BEHIND, Clock, SourceClocks
from app.domain.detection.placed_outcomes import PlacedOutcome
from schemas.prediction import Outcome

__all__ = ["BEFORE_FIRST", "COUNTS", "ModelLabelling"]

#: What is counted, by the names of the figures.
COUNTS = ("pairs_labelled", "pairs_unlabelled", "pairs_not_awaited", "outcomes_unmatched", "outcomes_repeated")
#: Pairs that a model keeps before its first outcome.
BEFORE_FIRST = 2_048
#: Pairs that came with fewer than these are put together with those after them.
_SMALL = 256
#: A source of outcomes is waited for so many delays of event time: a day at the default, a long outage of one shard.
_QUIET_DELAYS = 24
_HASH_BITS = 32
#: Knuth's multiplicative hash: a CRC's own low bits follow the last letters of an id too closely.
_MIX = 2_654_435_761


class ModelLabelling:
    """See the module's text. ``counts`` is told what became of pairs and outcomes, by ``COUNTS``."""

    def __init__(self, config: DriftConfig, counts: dict[str, int]) -> None:
        self._delay_ms, self._most, self._counts = config.label_delay_ms, config.label_pairs, counts
        self._begun = self.has_pairs = False
        #: Parts as they came, so that a model without outcomes costs no copies.
        self._before: list[AwaitedPairs] = []
        self._came_before = 0
        self._queue: deque[Awaiting] = deque()
        self._by_id: dict[str, Awaiting] = {}
        self._early: OrderedDict[str, Label] = OrderedDict()
        #: One in two to this power waits.
        self._thinned = 0
        #: Ids of the latest pairs, whose moments are not known yet; None for those that do not wait.
        self._latest: deque[str | None] = deque()
        self._pairs_clock, self._outcomes_clock = Clock(), SourceClocks(self._most, _QUIET_DELAYS * self._delay_ms)

    @property
    def waiting(self) -> int:
        """Pairs that wait for their outcome."""
        return len(self._queue)

    @property
    def strangers(self) -> int:
        """Outcomes that wait although the model never had a pair here: its name may be an error."""
        return 0 if self.has_pairs else len(self._early)

    def take_pairs(self, pairs: AwaitedPairs) -> list[Awaiting]:
        """The model's next pairs; the pairs that are settled, in order, those without an outcome among them."""
        settled: list[Awaiting] = []
        self.has_pairs = self.has_pairs or len(pairs) > 0
        if self._begun:
            self._wait_all(pairs.each(), settled)
        else:
            self._came_before += len(pairs)
            self._keep(pairs)
        return settled

    def take_outcome(self, placed: PlacedOutcome) -> list[Awaiting]:
        """The model's next outcome; as above."""
        settled, outcome = list[Awaiting](), placed.outcome
        if not self._begun:
            self._begun = True
            before = self._newest_before()
            self._counts["pairs_not_awaited"] += self._came_before - len(before)
            self._wait_all(before.each(), settled)
            self._before = []
        self._outcomes_clock.take(placed.source, outcome.timestamp)
        label = Label(outcome.label, outcome.value, outcome.kpis)
        pair = self._by_id.get(outcome.request_id)
        if pair is None:
            self._wait_for_pair(outcome, label)
        elif pair.label is None or outcome.correction:
            pair.label = label
        else:
            self._counts["outcomes_repeated"] += 1
        self._settle(settled)
        return settled

    def _keep(self, pairs: AwaitedPairs) -> None:
        parts = self._before
        if parts and len(parts[-1]) < _SMALL:
            parts[-1] = parts[-1].joined(pairs)
        else:
            parts.append(pairs)
        while sum(map(len, parts)) - len(parts[0]) >= BEFORE_FIRST:
            del parts[0]

    def _newest_before(self) -> AwaitedPairs:
        """The same pairs, however they came."""
        whole = AwaitedPairs()
        for part in self._before:
            whole = whole.joined(part)
        newest = whole.part(max(0, len(whole) - BEFORE_FIRST), len(whole))
        self._before = [newest]
        return newest

    def _wait_all(self, pairs: Iterable[Awaiting], settled: list[Awaiting]) -> None:
        for pair in pairs:
            now_ms = self._pairs_clock.take(pair.time_ms)
            pair.moment_ms = max(pair.time_ms, now_ms)
            waits = self._stays(pair.digest) and pair.request_id not in self._by_id
            self._latest.append(pair.request_id if waits else None)
            if waits:
                pair.label = self._early.pop(pair.request_id, None)
                self._queue.append(pair)
                self._by_id[pair.request_id] = pair
                if len(self._queue) > self._most:
                    self._thin()
            else:
                self._counts["pairs_not_awaited"] += 1
            if now_ms:
                self._give_moments(now_ms)
            self._settle(settled)

    def _give_moments(self, now_ms: int) -> None:
        while len(self._latest) > BEHIND:
            name = self._latest.popleft()
            pair = None if name is None else self._by_id.get(name)
            if pair is not None:
                pair.moment_ms = now_ms

    def _stays(self, digest: int) -> bool:
        return (digest * _MIX & (1 << _HASH_BITS) - 1) >> _HASH_BITS - self._thinned == 0

    def _thin(self) -> None:
        """Let half of those that wait go, or as much more as it takes."""
        while len(self._queue) > self._most // 2 and self._thinned < _HASH_BITS:
            self._thinned += 1
            kept = [pair for pair in self._queue if self._stays(pair.digest)]
            self._counts["pairs_not_awaited"] += len(self._queue) - len(kept)
            self._queue = deque(kept)
        self._by_id = {pair.request_id: pair for pair in self._queue}

    def _wait_for_pair(self, outcome: Outcome, label: Label) -> None:
        if outcome.request_id in self._early:
            if outcome.correction:
                self._early[outcome.request_id] = label
            else:
                self._counts["outcomes_repeated"] += 1
            return
        if self._thinned and not self._stays(crc32(outcome.request_id.encode())):
            self._counts["outcomes_unmatched"] += 1
            return
        self._early[outcome.request_id] = label
        if len(self._early) > self._most:
            self._early.popitem(last=False)
            self._counts["outcomes_unmatched"] += 1

    def _settle(self, settled: list[Awaiting]) -> None:
        """Settle what has waited long enough."""
        queue, due_ms = self._queue, self._outcomes_clock.now_ms - self._delay_ms
        while queue and queue[0].moment_ms <= due_ms:
            pair = queue.popleft()
            del self._by_id[pair.request_id]
            self._counts["pairs_unlabelled" if pair.label is None else "pairs_labelled"] += 1
            settled.append(pair)
        if self._thinned and len(queue) < self._most // 4:
            self._thinned -= 1

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {
            "begun": self._begun, "has_pairs": self.has_pairs, "thinned": self._thinned,
            "before": [self._came_before, self._newest_before().dump()], "queue": list(self._queue),
            "early": list(self._early.items()), "latest": list(self._latest),
            "clocks": [self._pairs_clock.dump(), self._outcomes_clock.dump()],
        }  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any], config: DriftConfig, counts: dict[str, int]) -> "ModelLabelling":
        """Take the state back."""
        made = cls(config, counts)
        made._begun, made.has_pairs, made._thinned = state["begun"], state["has_pairs"], state["thinned"]
        made._came_before, before = state["before"]
        made._before = [AwaitedPairs.load(before)]
        made._queue = deque(msgspec.convert(state["queue"], list[Awaiting]))
        made._by_id = {pair.request_id: pair for pair in made._queue}
        made._early = OrderedDict(msgspec.convert(state["early"], list[tuple[str, Label]]))
        made._latest = deque(state["latest"])
        pairs, outcomes = state["clocks"]
        made._pairs_clock = Clock.load(pairs)
        made._outcomes_clock = SourceClocks.load(outcomes, made._most, _QUIET_DELAYS * made._delay_ms)
        return made
