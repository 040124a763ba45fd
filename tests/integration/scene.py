"""Acceptance by declaration: *at* this second *send* these, *between* these seconds *want* exactly those.

    scene = Scene()
    scene.at(0.0).send(legacy("r-1", "credit", 0.9), shadow("r-1", "credit", 0.8))
    scene.between(0.0, 2.0).want(pair("r-1", status="paired"))
    scene.play(service).check()

An output that nothing wants fails, a want that nothing fulfils fails, and the report shows both. A want names the parts of
an output that matter, a text as a pattern if need be; what it does not name may be anything. After the acceptance tests of
Alertmanager.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.integration.committed import Publisher, Seen, reader
from tests.integration.harness import Service

#: How long after the last second that anything is wanted an output may still come, and fail.
SETTLE_SECONDS = 1.0


class Event(NamedTuple):
    """A record to send. ``value`` is JSON if it is an object; its ``"timestamp"`` counts seconds from the scene's start."""

    topic: str
    key: bytes | None
    value: Any
    headers: Sequence[tuple[str, bytes]] = ()


class Want(NamedTuple):
    """An output: its topic, and what must be in it. ``like`` is compared with ``shown``'s result, member by member."""

    topic: str
    like: dict[str, Any]


def legacy(request_id: str, model: str, prediction: Any, version: str = "1.4.0", **more: Any) -> Event:
    """A legacy half, asked at second 0 unless ``timestamp`` says otherwise."""
    return _half("predictions.legacy", request_id, model, version, prediction, more)


def shadow(request_id: str, model: str, prediction: Any, version: str = "2.0.0", **more: Any) -> Event:
    """A shadow half."""
    return _half("predictions.shadow", request_id, model, version, prediction, more)


def _half(topic: str, request_id: str, model: str, version: str, prediction: Any, more: dict[str, Any]) -> Event:
    value = {"request_id": request_id, "model": model, "version": version, "timestamp": 0.0, "prediction": prediction}
    return Event(topic, request_id.encode(), value | more)


def pair(request_id: str, model: str, status: str, **more: Any) -> Want:
    """A record of ``pairs``; ``shadows`` is a list of which each may name some members only."""
    return Want("pairs", {"request_id": request_id, "model": model, "status": status} | more)


def letter(key: bytes | None, reason: str, **more: Any) -> Want:
    """A record of ``dead.letters``; headers are named by their own names."""
    return Want("dead.letters", {"key": key, "reason": reason} | more)


def shown(record: Seen) -> dict[str, Any]:
    """An output as wants see it: a pair's members, or a letter's key and headers."""
    if record.topic == "pairs":
        found: dict[str, Any] = json.loads(record.value or b"{}")
        return found | {"key": record.key, "partition": record.partition}
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return headers | {"key": record.key, "value": record.value, "partition": record.partition}


def matches(like: Any, found: Any) -> bool:
    """Whether all that ``like`` names is so in ``found``."""
    if isinstance(like, dict) and isinstance(found, dict):
        return all(name in found and matches(value, found[name]) for name, value in like.items())
    if isinstance(like, list) and isinstance(found, list):
        return len(like) == len(found) and all(map(matches, like, found))
    if isinstance(like, re.Pattern):
        return isinstance(found, str) and like.match(found) is not None
    if isinstance(like, float) and isinstance(found, float):
        return abs(like - found) < 1e-9
    return type(like) is type(found) and bool(like == found)


@dataclass
class _At:
    scene: Scene
    second: float

    def send(self, *events: Event) -> None:
        self.scene.sends += [(self.second, event) for event in events]


@dataclass
class _Between:
    scene: Scene
    first: float
    last: float

    def want(self, *wants: Want) -> None:
        self.scene.wants += [(self.first, self.last, want) for want in wants]


@dataclass
class Scene:
    """See the module's text. ``topics`` are those whose every record has to be wanted."""

    topics: tuple[str, ...] = ("pairs", "dead.letters")
    sends: list[tuple[float, Event]] = field(default_factory=list)
    wants: list[tuple[float, float, Want]] = field(default_factory=list)

    def at(self, second: float) -> _At:
        return _At(self, second)

    def between(self, first: float, last: float) -> _Between:
        return _Between(self, first, last)

    def play(self, service: Service) -> Played:
        """Send all at their seconds, and read until a moment after the last that is wanted."""
        start_ms, started = time.time_ns() // 1_000_000, time.monotonic()
        played = Played(self, start_ms, started)
        publisher = Publisher(service.servers.bootstrap_servers, service.prefix)
        due = sorted(self.sends, key=lambda row: row[0])
        until = max([last for _, last, _ in self.wants] + [second for second, _ in due]) + SETTLE_SECONDS
        with reader(service.servers.bootstrap_servers, service.prefix, *self.topics) as reading:
            while (now := time.monotonic() - started) < until:
                while due and due[0][0] <= now:
                    event = due.pop(0)[1]
                    publisher.send(event.topic, event.key, encoded(event.value, start_ms), event.headers)
                publisher.flush()
                played.records += reading.read(0.02)
        return played


def encoded(value: Any, start_ms: int) -> bytes | None:
    """The bytes of a record's value; a timestamp in seconds becomes milliseconds."""
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]  # bytes or None
    if isinstance(value.get("timestamp"), float):
        value = value | {"timestamp": start_ms + round(value["timestamp"] * 1000)}
    if isinstance(value.get("data"), dict):
        value = value | {"data": json.loads(encoded(value["data"], start_ms) or b"")}
    return json.dumps(value).encode()


@dataclass
class Played:
    """A scene that was played: when it began, and all that came out."""

    scene: Scene
    start_ms: int
    started: float
    records: list[Seen] = field(default_factory=list)

    def report(self) -> str:
        """Empty where everything wanted came, in its time, and nothing else."""
        left = [(record.at - self.started, record.topic, shown(record)) for record in self.records]
        unfulfilled = []
        for first, last, want in self.scene.wants:
            found = next((row for row in left if _fulfils(row, first, last, want)), None)
            if found is None:
                unfulfilled.append(f"  between {first:g} and {last:g}: {want.topic} {want.like}")
            else:
                left.remove(found)
        if not left and not unfulfilled:
            return ""
        unwanted = [f"  at {at:.2f}: {topic} {what}" for at, topic, what in left]
        return "\n".join(["wanted, and did not come:", *unfulfilled, "came, and was not wanted:", *unwanted])

    def check(self) -> Played:
        """Fail with both lists."""
        report = self.report()
        assert not report, report
        return self


def _fulfils(row: tuple[float, str, dict[str, Any]], first: float, last: float, want: Want) -> bool:
    at, topic, what = row
    return topic == want.topic and first <= at <= last and matches(want.like, what)
