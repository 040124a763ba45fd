"""The same predictions under two prefixes, read with other cuts, commits and restarts: the same alerts and retrain triggers.

Once a worker with short commit intervals reads as the events come; once a worker finds half of them in the log, is killed, and
its successor reads the rest, with long intervals. Compared byte by byte are ids and ``data``, once what must differ is put alike:

- names of topics have the prefix;
- the page's address, in links, is that of the worker that wrote the record;
- offsets of ``pairs`` count the markers of transactions too, so each is compared as the number of records before it: the
  windows hold the same records, which ``window.digest`` says as well.

Where it would not hold, by the contract: what is given up over a silence, by the wall clock (here each request is complete); and
the order of pairs that come from several input partitions (here all ids lie on one).
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.dev.servers import Servers
from tests.integration.committed import Publisher, Seen, read_all
from tests.integration.harness import Service, Worker, eventually
from tests.integration.pair_cases import an_id

pytestmark = pytest.mark.integration

REQUESTS, DRIFTS, CALM = 6_000, 2_000, 3_500
START_MS, STEP_MS = 1_790_000_000_000, 100
TOML = """
[models.credit]
shadows = ["2.0.0"]
[models.credit.drift]
warm_up = 1000
values_between_false_alarms = 1e7
[models.credit.alerts]
keep_firing_for_s = 10
[models.credit.retrain]
minimum_events = 200
"""


def halves() -> list[tuple[str, bytes, bytes]]:
    """Topic, key and value of each event; from ``DRIFTS`` to ``CALM`` income is one sd higher, the score with it."""
    rng, out = np.random.default_rng(5), list[tuple[str, bytes, bytes]]()
    for number in range(REQUESTS):
        income, age = rng.normal(loc=1.0 if DRIFTS <= number < CALM else 0.0), rng.normal()
        score = 1 / (1 + np.exp(-income - 0.1 * rng.normal()))
        id_, at = an_id(f"r-{number}"), START_MS + STEP_MS * number
        half = {"request_id": id_, "model": "credit", "timestamp": at, "features": {"income": income, "age": age}}
        for topic, version, shift in (("legacy", "1.4.0", 0.0), ("shadow", "2.0.0", 0.01 * rng.normal())):
            value = half | {"version": version, "prediction": min(1.0, max(0.0, score + shift))}
            out.append((f"predictions.{topic}", id_.encode(), json.dumps(value).encode()))
    return out


def send(service: Service, events: list[tuple[str, bytes, bytes]]) -> None:
    publisher = Publisher(service.servers.bootstrap_servers, service.prefix)
    for topic, key, value in events:
        publisher.send(topic, key, value)
    publisher.flush()


def looked_at(worker: Worker, least: int) -> bool:
    return sum(worker.metric("gnomon_detect_pairs_total").values()) >= least


def wait_for_the_end(service: Service, worker: Worker) -> None:
    """Until all was read, each alert is over, and there is a trigger."""

    def ended() -> bool:
        lags = worker.metric("gnomon_lag_records")
        if not looked_at(worker, REQUESTS) or not lags or any(lags.values()):
            return False
        latest = {event["data"]["fingerprint"]: event["data"]["status"] for event in events_of(service, "alerts", raw=True)}
        return set(latest.values()) == {"resolved"} and bool(events_of(service, "retrain.triggers", raw=True))

    eventually(ended, 90, lambda: f"{worker.metric('gnomon_lag_records')}\n{worker.log()}")


def records(service: Service, topic: str) -> list[Seen]:
    found = read_all(service.servers.bootstrap_servers, service.prefix, topic)
    return sorted(found, key=lambda record: (record.partition, record.offset))


def events_of(service: Service, topic: str, *, raw: bool = False) -> list[dict[str, Any]]:
    """The events of a topic in order; what must differ between two prefixes put alike, unless they are asked for ``raw``."""
    found: list[dict[str, Any]] = [json.loads(record.value or b"") for record in records(service, topic)]
    if raw:
        return found
    offsets = [record.offset for record in records(service, "pairs") if record.key == b"credit"]
    return [alike(event, service.prefix, offsets) for event in found]


def alike(value: Any, prefix: str, offsets: list[int]) -> Any:
    """See the module's text; ``offsets`` are those of the pairs, in order."""
    if isinstance(value, list):
        return [alike(one, prefix, offsets) for one in value]
    if isinstance(value, str):
        return re.sub(r"^http://127\.0\.0\.1:\d+/", "PAGE/", value)
    if not isinstance(value, dict):
        return value
    named = {name: alike(one, prefix, offsets) for name, one in value.items()}
    if named.get("topic") == f"{prefix}pairs":
        named |= {"topic": "pairs"} | {name: bisect_left(offsets, named[name]) for name in ("start", "end")}
    if "offset" in named:
        named["offset"] = bisect_left(offsets, named["offset"])
    return named


def test_the_same_input_gives_the_same_alerts_and_triggers(servers: Servers, prefix: str, tmp_path: Path) -> None:
    events, folders = halves(), [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    pace = [{"GNOMON_COMMIT__INTERVAL_MS": interval} for interval in ("50", "700")]
    with Service(servers, f"{prefix}p1.", folders[0], toml=TOML, settings=pace[0]) as one:
        worker = one.worker("pair", "detect", "decide").ready()
        send(one, events)
        wait_for_the_end(one, worker)
        assert worker.terminate() < 30
    with Service(servers, f"{prefix}p2.", folders[1], toml=TOML, settings=pace[1]) as two:
        half = 2 * (DRIFTS + 300)  # the alert fires, and its trigger is under way
        send(two, events[:half])
        worker = two.worker("pair", "detect", "decide").ready()
        eventually(lambda: looked_at(worker, DRIFTS), 60, worker.log)
        worker.kill()
        worker.start()
        worker.ready()
        send(two, events[half:])
        wait_for_the_end(two, worker)

    offsets = [[pair.offset for pair in records(service, "pairs")] for service in (one, two)]
    assert len(offsets[0]) == len(offsets[1]) == REQUESTS
    assert offsets[0] != offsets[1], "the commits lie at the same places: nothing else was tried"
    for topic, least in (("alerts", 4), ("retrain.triggers", 1)):
        told = [events_of(service, topic) for service in (one, two)]
        assert len(told[0]) >= least
        assert [event["id"] for event in told[0]] == [event["id"] for event in told[1]]
        assert [json.dumps(event["data"]) for event in told[0]] == [json.dumps(event["data"]) for event in told[1]]
