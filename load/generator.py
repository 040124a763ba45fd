"""A scenario and a seed become records, in the order of sending, and the truth about them.

Each request gets one fate from its own draw: nothing, a half missing, a half far out of order but in time, a half too late,
a half that comes twice. Positions are event seconds from the start; halves that come later than their turn wait in a heap,
so memory holds what is displaced and no more, and traffic of any length can be streamed.

Before the first request each model gets, on each partition, one *priming* request of two windows earlier: from then on a
service that learns the shadow versions from the traffic (``auto``) must expect exactly those that are sent. What becomes of
the priming requests themselves the contract leaves open, so the truth says ``either``.

A replay is exact: the same ``Spec`` gives the same records, byte for byte; nothing here reads a clock.
"""

import heapq
import math
from collections.abc import Iterator

from load.applications import BLOCK, Application, Block, label_bytes
from load.applications import draw as draw_block
from load.fates import Fate, Fates
from load.halves import SHADOW_VERSIONS, Half, Halves, model_name
from load.partitioning import java_partition, key_on_partition, librdkafka_partition
from load.planned import LEGACY, OUTCOMES, SHADOW, Planned
from load.poison import make
from load.scenarios import PRIMING_WINDOWS, ScenarioError, Spec
from load.truth import EITHER, SPLIT, Expected, ExpectedAlert, Status, Truth, letter

__all__ = ["Synthetic"]


class Synthetic:
    """The traffic of one ``Spec``."""

    def __init__(self, spec: Spec) -> None:
        if spec.requests < 1 or spec.models < 1:
            raise ScenarioError(f"requests {spec.requests}, models {spec.models}: at least one of each is needed")
        self.spec = spec
        self.truth = Truth(quiet_otherwise=spec.scenario.quiet)
        self._step_s = spec.event_span_s / spec.requests
        self._limit_s = spec.pairing.limit_s
        self._halves = Halves(spec)
        self._waiting: list[tuple[float, int, Planned]] = []
        self._sequence = 0
        self._poisoned = 0
        self._silent_from = self._first_silent()
        self._fates = Fates(spec.scenario)
        self._check()

    @property
    def requests(self) -> int:
        """How many there are, priming aside."""
        return self.spec.requests

    @property
    def span_s(self) -> float:
        """Event seconds of the whole stream."""
        return self.spec.event_span_s

    def events(self) -> Iterator[Planned]:
        """The records, in the order of sending."""
        self._note_changes()
        for number in range(math.ceil(self.spec.requests / BLOCK)):
            for at, application in enumerate(draw_block(self._block(), number), start=number * BLOCK):
                if at >= self.spec.requests:
                    break
                self._request(at, application)
                yield from self._due(at * self._step_s)
        yield from self._due(math.inf)

    def _check(self) -> None:
        """Whether the traffic is dense enough for its truth to be certain."""
        spec = self.spec
        gap_s = self._step_s * spec.models * spec.partitions * 8  # eight requests between two on a partition: once in 3,000
        if gap_s > 5 * spec.pairing.window_ms / 1000:
            least = math.ceil(spec.requests * gap_s / (5 * spec.pairing.window_ms / 1000))
            raise ScenarioError(
                f"{spec.requests} requests in {spec.event_span_s:.0f} s of event time for {spec.models} models on "
                f"{spec.partitions} partitions leave gaps in which a service that learns its shadows forgets them; "
                f"send at least {least} requests, faster, or for fewer models"
            )

    def _block(self) -> Block:
        scenario, requests = self.spec.scenario, self.spec.requests
        shift, worse = (None if share is None else int(share * requests) for share in (scenario.shift_at, scenario.worse_at))
        return Block(self.spec.seed, shift, worse)

    def _first_silent(self) -> int | None:
        """The first request without a shadow: near enough to the end that the shadow is still expected at the end."""
        share, requests = self.spec.scenario.silent_at, self.spec.requests
        if share is None:
            return None
        memory_s = 5 * self.spec.pairing.window_ms / 1000  # half of what the contract promises
        return max(int(share * requests), requests - int(memory_s / self._step_s))

    def _note_changes(self) -> None:
        """What changes for the worse, from when on, and which signal must tell of it."""
        block, truth = self._block(), self.truth
        for first, signal in ((block.shift_from, "feature/income"), (block.worse_from, "difference"), (self._silent_from, "")):
            if first is None:
                continue
            truth.change_s = first * self._step_s / self.spec.stretch
            truth.change_ms = self._halves.time_ms(first * self._step_s)
            if signal:
                truth.alerts = [ExpectedAlert(signal, model_name(m), truth.change_ms) for m in range(self.spec.models)]

    def priming(self) -> list[Planned]:
        """One request a model and partition, two windows before the first of ``events``."""
        spec, records = self.spec, list[Planned]()
        early_s = -PRIMING_WINDOWS * spec.pairing.window_ms / 1000 - self._limit_s
        application = draw_block(Block(spec.seed), 1_000_000)[0]
        for model in range(spec.models):
            for partition in range(spec.partitions):
                name = key_on_partition(f"{self._halves.stem}-prime-{model}-{partition}-", partition, spec.partitions)
                halves = self._halves.of(name, model, early_s, application, form=0)
                records += [self._planned(half, early_s)._replace(offset_s=0.0, partition=partition) for half in halves]
                self.truth.expect(model_name(model), name, Expected(EITHER, 0, (), 0.0))
        return records

    def _request(self, at: int, application: Application) -> None:
        """Put the request's records into the heap and its end into the truth."""
        spec, opened_s = self.spec, at * self._step_s
        model = at % spec.models
        name = f"{self._halves.stem}-{at:07d}"
        halves = self._halves.of(name, model, opened_s, application, form=at // spec.models)
        fate = self._fate(at, application.fate, opened_s)
        positions = [half.asked_s for half in halves]
        kept = list(range(len(halves)))
        if fate is Fate.NO_LEGACY:
            kept.remove(0)
        elif fate is Fate.NO_SHADOW:
            kept.remove(1)
        elif fate is Fate.DISPLACED:
            positions[int(application.detail * len(halves))] += self._limit_s * (0.2 + 0.3 * application.detail)
        elif fate is Fate.LATE:
            positions[1] += self._limit_s * (1.5 + application.detail)
            kept.remove(1)
            self._bad(halves[1], "late", positions[1])
        if fate is Fate.TWICE:
            self._copy(halves[int(application.detail * len(halves))], application)
        for k in kept:
            self._wait(positions[k], self._planned(halves[k], positions[k]))
        self._expect(name, model, [halves[k] for k in kept], halves, max(positions[k] for k in kept))
        if spec.scenario.outcomes:
            self._outcome(name, model, opened_s, application)
        if spec.scenario.poison_every and at % spec.scenario.poison_every == 7 % spec.scenario.poison_every:
            self._poison(model, opened_s)

    def _fate(self, at: int, draw: float, opened_s: float) -> Fate:
        if self._silent_from is not None and at >= self._silent_from:
            return Fate.NO_SHADOW
        fate = self._fates(draw)
        near_end = opened_s > self.spec.event_span_s - 3.5 * self._limit_s
        return Fate.ORDINARY if fate is Fate.LATE and near_end else fate

    def _expect(self, name: str, model: int, kept: list[Half], halves: list[Half], last_s: float) -> None:
        missing = tuple(half.waited_for for half in halves if half not in kept)
        status = self._status(name, kept, missing)
        digest = self._halves.digest(kept)
        self.truth.expect(model_name(model), name, Expected(status, digest, missing, last_s / self.spec.stretch))

    def _status(self, name: str, kept: list[Half], missing: tuple[str, ...]) -> Status:
        key = name.encode()
        if self.spec.scenario.misrouted and java_partition(key, self.spec.partitions) != self._shadow_partition(key):
            return SPLIT
        if not missing:
            return "paired"
        if kept[0].topic != LEGACY:
            return "shadow_only"
        return "legacy_only" if len(kept) == 1 else "partial"

    def _copy(self, half: Half, application: Application) -> None:
        """The half comes again soon after; every fifth copy gives another answer, and the first still counts."""
        copy = half.conflicting() if application.detail * 1000 % 5 < 1 else half
        self._bad(copy, "duplicate", half.asked_s + 0.1 + 4 * application.detail)

    def _bad(self, half: Half, reason: str, position_s: float) -> None:
        planned = self._planned(half, position_s)
        self._wait(position_s, planned)
        self.truth.letters[letter(reason, planned.key, planned.value)] += 1

    def _poison(self, model: int, opened_s: float) -> None:
        topic, version = ((LEGACY, "1.4.0"), (SHADOW, SHADOW_VERSIONS[0]))[self._poisoned % 2]
        name = f"{self._halves.stem}-poison-{self._poisoned:06d}"
        time_ms = self._halves.time_ms(opened_s)
        poison = make(self._poisoned // 2, name, model_name(model), version, time_ms)
        self._poisoned += 1
        self.truth.letters[letter(poison.reason, poison.key, poison.value)] += 1
        offset_s = opened_s / self.spec.stretch
        self._wait(opened_s, Planned(offset_s, topic, poison.key, poison.value, poison.headers, time_ms))

    def _outcome(self, name: str, model: int, opened_s: float, application: Application) -> None:
        position_s = opened_s + 5 + 10 * application.detail
        time_ms = self._halves.time_ms(position_s)
        label = label_bytes(model, went_bad=application.went_bad)
        value = b'{"request_id":"%b","model":"%b","timestamp":%d,"label":%b}' % (
            name.encode(), model_name(model).encode(), time_ms, label,
        )  # fmt: skip
        self._wait(position_s, Planned(position_s / self.spec.stretch, OUTCOMES, name.encode(), value, (), time_ms))

    def _shadow_partition(self, key: bytes) -> int:
        return librdkafka_partition(key, self.spec.partitions)

    def _planned(self, half: Half, position_s: float) -> Planned:
        wrong = self.spec.scenario.misrouted and half.topic == SHADOW
        partition = self._shadow_partition(half.key) if wrong else None
        offset_s = position_s / self.spec.stretch
        return Planned(offset_s, half.topic, half.key, half.value, half.headers, half.timestamp_ms, partition)

    def _wait(self, position_s: float, planned: Planned) -> None:
        self._sequence += 1
        heapq.heappush(self._waiting, (position_s, self._sequence, planned))

    def _due(self, until_s: float) -> Iterator[Planned]:
        waiting = self._waiting
        while waiting and waiting[0][0] <= until_s:
            yield heapq.heappop(waiting)[2]
