"""Applications for credit as a bank would send them: ten features of every kind, two models' answers, the truth behind them.

Drawn in blocks of ``BLOCK`` requests from numpy's PCG64, seeded with (seed, number of the block), so any request can be made
without the ones before it. Answers come as a score, as a class or as class probabilities, by model, as they do in life.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK", "Answer", "Application", "Block", "answer_bytes", "draw", "label_bytes"]

BLOCK = 4096

_COUNTRIES = (b"DE", b"FR", b"ES", b"IT", b"NL", b"PL", b"SE", b"PT")
_EMPLOYMENT = (b"employed", b"self-employed", b"retired", b"student", b"none")
_DEVICES = (b"ios", b"android", b"web")
_COUNTRY_SHARES = np.cumsum([0.35, 0.2, 0.12, 0.1, 0.08, 0.07, 0.05, 0.03])
_EMPLOYMENT_SHARES = np.cumsum([0.62, 0.14, 0.12, 0.08, 0.04])
_DEVICE_SHARES = np.cumsum([0.3, 0.34, 0.36])
_NOTES = (b"null", b'"called back"')
_NOTE_SHARES = np.array([0.97, 1.0])
_OWNER = (b"true", b"false")
_OWNER_SHARES = np.array([0.44, 1.0])

Floats = npt.NDArray[np.float64]
Answer = float | str | dict[str, float]


class Application(NamedTuple):
    """One request: its features and segments as JSON text, both models' scores, and whether it went bad."""

    features: bytes
    segments: bytes
    legacy_score: float
    shadow_score: float
    legacy_latency_ms: float
    shadow_latency_ms: float
    went_bad: bool
    fate: float
    detail: float


class Block(NamedTuple):
    """What may be wrong from some request on, as the first index of each."""

    seed: int
    shift_from: int | None = None
    worse_from: int | None = None


def draw(plan: Block, number: int) -> list[Application]:
    """The requests ``number * BLOCK`` and following."""
    random = np.random.default_rng([plan.seed, number])
    uniform = random.random((10, BLOCK))
    normal = random.standard_normal((6, BLOCK))
    index = np.arange(number * BLOCK, (number + 1) * BLOCK)
    income = np.exp(8.3 + 0.5 * normal[0])
    if plan.shift_from is not None:
        income = np.where(index >= plan.shift_from, income * 1.6, income)
    age = np.clip(44 + 13 * normal[1], 18, 95).astype(np.int64)
    debt = np.clip(0.35 + 0.18 * normal[2], 0, 2)
    bureau = np.clip(640 + 85 * normal[3], 300, 850).astype(np.int64)
    legacy = _sigmoid(-0.8 + 2.2 * (debt - 0.35) - 0.011 * (bureau - 640) - 0.25 * (np.log(income) - 8.3))
    shadow = _shadow_scores(plan, index, legacy, normal[4], normal[5])
    columns = (
        age, income, _pick(_COUNTRIES, _COUNTRY_SHARES, uniform[0]), _pick(_OWNER, _OWNER_SHARES, uniform[1]),
        _pick(_NOTES, _NOTE_SHARES, uniform[2]), debt, bureau, (uniform[3] ** 2 * 240).astype(np.int64),
        _pick(_EMPLOYMENT, _EMPLOYMENT_SHARES, uniform[4]), (uniform[5] * 9).astype(np.int64),
    )  # fmt: skip
    features = [_FEATURES % row for row in zip(*(c if isinstance(c, list) else c.tolist() for c in columns), strict=True)]
    segments = [b'{"channel":"%b"}' % d for d in _pick(_DEVICES, _DEVICE_SHARES, uniform[6])]
    latency = -np.log1p(-uniform[7]) * 6 + 3
    rest = (legacy, shadow, latency, latency * 0.7 + 1, uniform[8] < legacy, uniform[9], random.random(BLOCK))
    return [Application(*row) for row in zip(features, segments, *(c.tolist() for c in rest), strict=True)]


_FEATURES = (
    b'{"age":%d,"income":%.2f,"country":"%b","owner":%b,"note":%b,"debt_ratio":%.4f,"bureau_score":%d,"months_known":%d,'
    b'"employment":"%b","open_accounts":%d}'
)


def _shadow_scores(plan: Block, index: npt.NDArray[np.int64], legacy: Floats, noise: Floats, more: Floats) -> Floats:
    """A shadow is legacy with a little noise of its own; a worse one has a bias and a lot of it."""
    shadow = legacy + 0.02 * noise
    if plan.worse_from is not None:
        shadow = np.where(index >= plan.worse_from, shadow + 0.12 + 0.15 * more, shadow)
    return np.clip(shadow, 0.0, 1.0)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)


def _pick(words: tuple[bytes, ...], shares: npt.NDArray[np.float64], uniform: Floats) -> list[bytes]:
    at = np.minimum(np.searchsorted(shares, uniform), len(words) - 1)
    return [words[k] for k in at.tolist()]


def answer_bytes(model: int, score: float) -> bytes:
    """A score as this model says it: every eighth model answers with a class, every eighth with probabilities."""
    kind = model % 8
    if kind == 6:
        return b'"decline"' if score >= 0.5 else b'"approve"'
    if kind == 7:
        return b'{"approve":%.6f,"decline":%.6f}' % (1 - score, score)
    return b"%.6f" % score


def label_bytes(model: int, *, went_bad: bool) -> bytes:
    """What the answer should have been, in the terms of this model."""
    if model % 8 in {6, 7}:
        return b'"decline"' if went_bad else b'"approve"'
    return b"true" if went_bad else b"false"
