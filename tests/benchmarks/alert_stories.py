"""Traffic with a trouble in it, seeded: what happens to a model, told as the predictions that its producers write.

One model, ``credit``, with a live version and a shadow, twenty features of mixed kinds, two requests a second; the score follows
``income``. A second model, ``fraud``, with a quarter of the requests, goes on undisturbed on the same topics. The trouble begins
after an hour, when the warm-up is over.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MINUTE_MS", "START_MS", "STORIES", "Batch", "Story", "halves"]

START_MS, MINUTE_MS = 1_790_000_000_000, 60_000
LEGACY, SHADOW = "predictions.legacy", "predictions.shadow"
_STEP_MS = 500
_NUMBERS = tuple(f"f{number:02d}" for number in range(15))

Halves = list[tuple[str, dict[str, Any]]]


class Batch(NamedTuple):
    """A minute of requests, in columns, before they are written; a trouble changes it."""

    minute: int
    features: dict[str, Any]
    #: What is added to the logit of the score, of every version.
    logit: np.ndarray
    #: Whether the shadow answers.
    shadow: np.ndarray


class Story(NamedTuple):
    """``trouble`` changes a minute's requests; ``begins`` and ``ends`` are minutes, and the traffic goes on for ``minutes``."""

    name: str
    what: str
    minutes: int
    begins: int
    ends: int
    trouble: Callable[[Batch, "Story"], None]


def halves(story: Story, seed: int, rate: int = 1) -> Iterator[Halves]:
    """The halves of each minute, in the order in which they are written; ``rate``: so many times two requests a second."""
    rng = np.random.default_rng(seed)
    for minute in range(story.minutes):
        batch = _batch(minute, MINUTE_MS * rate // _STEP_MS, rng)
        if story.begins <= minute < story.ends:
            story.trouble(batch, story)
        yield _written(batch, rng)


def _batch(minute: int, count: int, rng: np.random.Generator) -> Batch:
    features: dict[str, Any] = {name: rng.normal(size=count) for name in _NUMBERS}
    features |= {
        "income": rng.lognormal(0.0, 0.5, size=count), "age": rng.integers(18, 80, size=count),
        "visits": rng.poisson(3, size=count), "country": rng.choice(["DE", "FR", "US", "PL"], p=[0.5, 0.2, 0.2, 0.1], size=count),
        "owner": rng.random(count) < 0.3,
    }  # fmt: skip
    return Batch(minute, features, np.zeros(count), np.ones(count, dtype=bool))


def _written(batch: Batch, rng: np.random.Generator) -> Halves:
    count = len(batch.logit)
    columns = {name: _plain(column) for name, column in batch.features.items()}
    income = np.array([value if isinstance(value, float) else 1.0 for value in columns["income"]])
    score = 1 / (1 + np.exp(-(income - 1.0 + batch.logit + 0.3 * rng.normal(size=count))))
    other = np.clip(score + 0.02 * rng.normal(size=count), 0.0, 1.0)
    latency = rng.lognormal(3.0, 0.4, size=(2, count))
    step = MINUTE_MS // count
    out: Halves = []
    for i in range(count):
        at = START_MS + batch.minute * MINUTE_MS + i * step
        id_, fields = f"r-{batch.minute}-{i}", {name: column[i] for name, column in columns.items() if column[i] is not ...}
        half = {"request_id": id_, "model": "credit", "timestamp": at, "features": fields}
        out.append((LEGACY, half | {"version": "1.4.0", "prediction": float(score[i]), "latency_ms": float(latency[0, i])}))
        if batch.shadow[i]:
            out.append((SHADOW, half | {"version": "2.0.0", "prediction": float(other[i]), "latency_ms": float(latency[1, i])}))
        if i % 4:
            continue
        beside = {"request_id": f"q-{batch.minute}-{i}", "model": "fraud", "timestamp": at, "prediction": float(rng.random())}
        out += [(LEGACY, beside | {"version": "7"}), (SHADOW, beside | {"version": "8"})]
    return out


def _plain(column: Any) -> list[Any]:
    values: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column
    return values


def _flapping(batch: Batch, story: Story) -> None:
    """Twenty minutes on, forty off: long enough to be resolved each time."""
    if (batch.minute - story.begins) % 60 < 20:
        batch.logit[:] += 1.0


def _ramp(batch: Batch, story: Story) -> None:
    """By one standard deviation in six hours, then it stays."""
    batch.features["income"] *= np.exp(0.5 * min((batch.minute - story.begins) / 360, 1.0))


def _burst(batch: Batch, story: Story) -> None:
    """Fifteen features move by one standard deviation at once, for two hours."""
    for name in _NUMBERS:
        batch.features[name] += 1.0


def _silent_shadow(batch: Batch, story: Story) -> None:
    """No answer of the shadow for an hour."""
    batch.shadow[:] = False


def _schema(batch: Batch, story: Story) -> None:
    """The producer writes ``income`` as a text, which the model reads as its mean."""
    batch.features["income"] = [f"{value:.2f} EUR" for value in batch.features["income"]]


def _gone(batch: Batch, story: Story) -> None:
    """The producer leaves ``income`` out."""
    batch.features["income"] = [...] * len(batch.logit)


STORIES = (
    Story("flapping", "the scores move for 20 min in each hour, twelve times", 60 + 12 * 60 + 420, 60, 780, _flapping),
    Story("slow ramp", "`income` rises by one standard deviation in six hours, the scores with it", 600, 60, 600, _ramp),
    Story("burst", "fifteen features move at once, for two hours", 360, 60, 180, _burst),
    Story("silent shadow", "the shadow does not answer for an hour", 240, 60, 120, _silent_shadow),
    Story("retyped", "`income` is text for half an hour", 180, 60, 90, _schema),
    Story("gone", "`income` is left out for half an hour", 180, 60, 90, _gone),
)  # fmt: skip
