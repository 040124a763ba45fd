"""Pairs of one model, gathered as columns, become the rows of its panels."""

from collections.abc import Collection, Sequence

import numpy as np

from app.domain.detection.blocks import Rows
from app.domain.detection.pair_columns import Features, Halves, PairColumns
from app.domain.detection.pair_records import Answer
from app.domain.detection.signals import Value
from schemas.statistics import Signal, SignalKind

__all__ = ["answer_rows", "input_rows", "matching_rows", "pair_rows"]


def pair_rows(pairs: PairColumns) -> Rows:
    """The rows of these pairs, without columns and without versions."""
    return Rows(
        offsets=np.array(pairs.offsets, dtype=np.int64),
        times=np.array(pairs.times, dtype=np.int64),
        digests=np.array(pairs.digests, dtype=np.uint32),
        statuses=pairs.statuses,
        versions=[""] * len(pairs),
    )


def _named(kind: SignalKind, features: Features, ignored: Collection[str] = ()) -> dict[Signal, Sequence[Value]]:
    return {Signal(kind, name): column for name, column in features.columns.items() if name not in ignored}


def input_rows(rows: Rows, features: Features, versions: list[str], ignored: Collection[str]) -> Rows:
    """The features of pairs that have a legacy half; the versions are those that answered."""
    rows.columns = _named("feature", features, ignored)
    rows.versions = versions
    return rows


def answer_rows(rows: Rows, answers: Halves) -> Rows:
    """The answers of one version, one for each of these pairs."""
    rows.columns = _predictions(answers.predictions)
    rows.columns[Signal("latency")] = answers.latencies
    rows.columns[Signal("cost")] = answers.costs
    if answers.shadow:
        rows.columns[Signal("difference")] = answers.differences
        rows.columns[Signal("disagreement")] = [None if yes is None else not yes for yes in answers.agrees]
    rows.versions = answers.versions
    return rows


def _predictions(values: list[Answer]) -> dict[Signal, Sequence[Value]]:
    """A score or a class is one signal; probabilities are one for each label."""
    if dict not in set(map(type, values)):
        return {Signal("prediction"): values}  # type: ignore[dict-item]  # no dict is among them
    labels = Features()
    labels.take([{**value} if isinstance(value, dict) else {} for value in values])
    columns = _named("prediction", labels)
    columns[Signal("prediction")] = [None if isinstance(value, dict) else value for value in values]
    return columns


def matching_rows(rows: Rows) -> Rows:
    """Whether requests found all their answers; none of these pairs may be one for which no shadow was expected."""
    rows.columns = {Signal("match_rate"): [status == "paired" for status in rows.statuses]}
    return rows
