"""What the contract makes of some records, by brute force: whole logs in memory, nothing shared with the generator."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

from load.partitioning import java_partition
from load.planned import LEGACY, OUTCOMES, Planned
from load.truth import Letter, letter
from schemas.codec import PredictionDecoder
from schemas.errors import DecodeError
from schemas.half import Half
from schemas.limits import Limits


@dataclass
class Seen:
    """One good event in its log: the log's greatest time before it, itself included."""

    half: Half
    record: Planned
    partition: int
    log_time_ms: int

    @property
    def role(self) -> str:
        return "legacy" if self.record.topic == LEGACY else self.half.version


@dataclass
class Outcome:
    statuses: dict[tuple[str, str], Counter[str]]
    letters: Counter[Letter]
    #: For each half that came first: how far its log was past the request's opening, in shares of the limit.
    margins: list[tuple[float, bool]]


def outcome(records: list[Planned], partitions: int, limit_ms: int, expected: dict[str, set[str]]) -> Outcome:
    letters: Counter[Letter] = Counter()
    requests: dict[tuple[int, str, str], list[Seen]] = defaultdict(list)
    log_time: dict[tuple[str, int], int] = defaultdict(int)
    decode = PredictionDecoder(Limits())
    for record in records:
        if record.topic == OUTCOMES:
            continue
        partition = record.partition if record.partition is not None else java_partition(record.key or b"", partitions)
        source = SimpleNamespace(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=record.headers)
        try:
            half = decode(source)
        except DecodeError as error:
            letters[letter(error.reason, record.key, record.value)] += 1
            continue
        assert isinstance(half.timestamp, int)
        place = (record.topic, partition)
        log_time[place] = max(log_time[place], half.timestamp)
        requests[partition, half.model, str(half.request_id)].append(Seen(half, record, partition, log_time[place]))
    result = Outcome(defaultdict(Counter), letters, [])
    for (_, model, name), seen in requests.items():
        result.statuses[model, name][_status(seen, expected[model], limit_ms, result)] += 1
    return result


def _status(seen: list[Seen], shadows: set[str], limit_ms: int, result: Outcome) -> str:
    opened_ms = min(int(one.half.timestamp or 0) for one in seen)
    within: set[str] = set()
    known: set[str] = set()
    for one in seen:
        late = one.log_time_ms > opened_ms + limit_ms
        if one.role in known or late:
            reason = "duplicate" if one.role in known else "late"
            result.letters[letter(reason, one.record.key, one.record.value)] += 1
        else:
            within.add(one.role)
        if one.role not in known:
            result.margins.append(((one.log_time_ms - opened_ms) / limit_ms, late))
        known.add(one.role)
    if "legacy" not in within:
        return "shadow_only"
    there = len(within & shadows)
    return "paired" if there == len(shadows) else "partial" if there else "legacy_only"
