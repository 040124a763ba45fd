"""Settled pairs become the rows of the panels of ``error`` and ``kpi``: how wrong each answer was, and what it was worth."""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from app.domain.detection.awaited_pairs import Awaiting, Given, Label
from app.domain.detection.blocks import Rows
from app.domain.detection.pair_records import Answer
from app.domain.detection.signals import Value
from schemas.statistics import Signal

__all__ = ["error_of", "error_rows", "kpi_rows"]

_ERROR, _DIFFERENCE = Signal("error"), Signal("error", "difference")
_ONLY_SHADOW, _ONLY_LEGACY = Signal("error", "only_shadow"), Signal("error", "only_legacy")


def error_of(prediction: Answer, label: bool | float | str) -> bool | float | None:
    """How wrong an answer is: of a class whether it is, of a score by how much; None where the two cannot be compared.

    Nor can those that lie further apart than a number can say.

    >>> error_of("no", "yes"), error_of({"no": 0.3, "yes": 0.7}, "yes"), error_of(0.75, 1.0), error_of(0.75, True)
    (True, False, 0.25, 0.25)
    >>> error_of("no", 1.0) is None
    True
    """
    if isinstance(prediction, dict):
        return _class_error(max(sorted(prediction), key=prediction.__getitem__), label) if prediction else None
    if isinstance(prediction, bool):
        return prediction != bool(label) if isinstance(label, bool) or label in {0.0, 1.0} else None
    if isinstance(prediction, str):
        return _class_error(prediction, label)
    if isinstance(label, str):
        return None
    error = abs(prediction - label)
    return error if isfinite(error) else None


def _class_error(prediction: str, label: bool | float | str) -> bool | None:
    """A boolean label fits the classes that JSON spells so."""
    if isinstance(label, bool):
        return prediction != str(label).lower() if prediction in {"true", "false"} else None
    return prediction != label if isinstance(label, str) else None


def error_rows(pairs: Sequence[tuple[Awaiting, Label]], answers: Sequence[Given], asked: Sequence[int], *, shadow: bool) -> Rows:
    """Answers of one version to labelled pairs, one for each; ``asked``: pairs that were settled for it up to each."""
    rows = _rows([pair for pair, _ in pairs], [answer.version for answer in answers])
    rows.asked = np.array(asked, dtype=np.int64)
    errors = [error_of(answer.prediction, label.label) for answer, (_, label) in zip(answers, pairs, strict=True)]
    rows.columns[_ERROR] = errors
    if shadow:
        served = [None if pair.legacy is None else error_of(pair.legacy.prediction, label.label) for pair, label in pairs]
        both = list(zip(errors, served, strict=True))
        rows.columns[_ONLY_SHADOW] = [_only(mine, other) for mine, other in both]
        rows.columns[_ONLY_LEGACY] = [_only(other, mine) for mine, other in both]
        rows.columns[_DIFFERENCE] = [_difference(mine, other) for mine, other in both]
    return rows


def _only(one: bool | float | None, other: bool | float | None) -> bool | None:
    return one and not other if isinstance(one, bool) and isinstance(other, bool) else None


def _difference(one: bool | float | None, other: bool | float | None) -> float | None:
    return one - other if isinstance(one, float) and isinstance(other, float) else None


def kpi_rows(pairs: Sequence[tuple[Awaiting, Label]]) -> Rows:
    """What the outcomes of these pairs were worth."""
    rows = _rows([pair for pair, _ in pairs], [""] * len(pairs))
    figures = [label.kpis if label.value is None else label.kpis | {"value": label.value} for _, label in pairs]
    for name in sorted({name for each in figures for name in each}):
        rows.columns[Signal("kpi", name)] = [each.get(name) for each in figures]
    return rows


def _rows(pairs: Sequence[Awaiting], versions: Sequence[Value]) -> Rows:
    return Rows(
        offsets=np.array([pair.offset for pair in pairs], dtype=np.int64),
        times=np.array([pair.time_ms for pair in pairs], dtype=np.int64),
        digests=np.array([pair.digest for pair in pairs], dtype=np.uint32),
        statuses=[pair.status for pair in pairs],
        versions=[str(version) for version in versions],
    )
