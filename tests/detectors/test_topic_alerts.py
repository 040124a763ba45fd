"""Alerts on input topics end once the topic is well again, however long it was silent before."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.config import ModelSettings
from tests.chain import Chain, one_partition

MINUTE_MS = 60_000
START_MS = 1_790_000_000_000 // MINUTE_MS * MINUTE_MS


@pytest.fixture
def chain() -> Chain:
    """Half an hour of good traffic."""
    made = Chain(one_partition({"credit": ModelSettings(shadows=["2"])}))
    made.predict(traffic(range(30)))
    return made


def traffic(minutes: range) -> Iterator[tuple[str, dict[str, Any]]]:
    """Two requests a minute, both halves of each."""
    for minute in minutes:
        for at in (START_MS + minute * MINUTE_MS, START_MS + minute * MINUTE_MS + 30_000):
            for topic, version in (("predictions.legacy", "1"), ("predictions.shadow", "2")):
                half = {"request_id": f"r{at}", "model": "credit", "version": version, "timestamp": at, "prediction": 0.5}
                yield topic, half


def spoil(chain: Chain, minutes: range, a_minute: int) -> None:
    """The shadow's producer writes what is no event."""
    for minute in minutes:
        for number in range(a_minute):
            at_ms = START_MS + minute * MINUTE_MS + number
            chain.send("predictions.shadow", 0, b"k", b"{bad", [], at_ms=at_ms)
        chain.predict([])


def courses(chain: Chain) -> dict[str, list[str]]:
    """By name of the alert how it stood, change by change."""
    found: dict[str, list[str]] = {}
    for alert in chain.told():
        found.setdefault(alert["labels"]["alertname"], []).append(alert["status"])
    return found


@pytest.mark.parametrize("silent", [5, 20, 24 * 60])
def test_many_refused_events_and_then_silence(chain: Chain, silent: int) -> None:
    spoil(chain, range(30, 31), 300)
    chain.predict(traffic(range(30, 31)))
    chain.predict(traffic(range(31 + silent, 31 + silent + 60)))
    chain.end()

    assert courses(chain) == {"DeadLettersHigh": ["firing", "resolved"]}


@pytest.mark.parametrize("spoilt", [5, 30])
def test_all_is_refused_until_the_input_is_paused(chain: Chain, spoilt: int) -> None:
    """Nothing that is refused moves the log's time on, so the first good event lies so much later."""
    spoil(chain, range(30, 30 + spoilt), 6_000 // spoilt)
    chain.predict(traffic(range(30 + spoilt, 90 + spoilt)))
    chain.end()

    assert courses(chain)["InputPaused"] == ["firing", "resolved"]


def test_what_is_told_of_a_topic_ends_again(chain: Chain) -> None:
    """So a healthy topic costs nothing."""
    spoil(chain, range(30, 31), 300)
    chain.predict(traffic(range(31, 120)))
    chain.end()
    assert courses(chain) == {"DeadLettersHigh": ["firing", "resolved"]}
    of_topic = [one for one in chain.logs["drift.statistics"] if b'"name":"predictions.shadow"' in (one.value or b"")]
    assert 3 <= len(of_topic) <= 15
