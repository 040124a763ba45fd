"""What is said of a signal: one ``drift.statistics`` record, tied to the record of ``pairs`` at which it became true.

The id of a record is a function of its key, its window and the number of rows of its panel: never of a prefix, of wall time
or of an offset of an output.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from app.domain.detection.baseline import Baseline
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.effect_sizes import mean_difference, population_stability
from app.domain.detection.rest import Rest
from app.domain.detection.signals import Numbers, Shares
from app.domain.detection.tally import Tally
from app.domain.detection.watched import Watched
from schemas.offsets import OffsetRange
from schemas.statistics import Detector, DetectorState, DriftStatistics, Signal

if TYPE_CHECKING:
    from app.domain.detection.panel import Panel

__all__ = ["Emission", "Source", "emission", "end_report", "report"]


class Source(NamedTuple):
    """Whose records these are, and where they lie: ``topic`` is the full name of ``pairs``, prefix included.

    ``segment``: which part of the model's traffic, None for all of it. ``baseline``: what its signals are compared with, where
    they are not compared with their own first values.
    """

    model: str
    topic: str
    partition: int
    configuration: str
    segment: dict[str, str] | None = None
    baseline: Baseline | None = None


class Emission(NamedTuple):
    """A record to write; ``offset`` is that of the pair at which it became true."""

    offset: int
    id: str
    key: str
    statistics: DriftStatistics


def report(panel: "Panel", one: Watched) -> Emission:
    """The figures and the state of one signal, as they are now."""
    episode = one.episode
    statistics = _figures(one, panel.kernels.tally, panel.config, panel.window.events)
    statistics["since"] = episode.since_ms
    if one.baseline:
        statistics["baseline"] = one.baseline
        if panel.window.asked:
            statistics["label_share"] = panel.window.events / panel.window.asked
    statistics |= episode.evidence
    return emission(panel, one.signal, _scan(episode.state, one.score), statistics)


def end_report(panel: "Panel", signal: Signal, reason: str, successor: str | None = None) -> Emission:
    """The last word under a key: quiet, since nothing more will be said under it."""
    return emission(panel, signal, _scan("quiet", 0.0), {"ended": {"reason": reason, "successor": successor}})


def _scan(state: DetectorState, score: float) -> Detector:
    return Detector(name="scan", state=state, score=score, threshold=1.0)


def emission(panel: "Panel", signal: Signal, detector: Detector, statistics: dict[str, Any]) -> Emission:
    """What is said of a signal of this panel in its present window."""
    source, window = panel.source, panel.window
    record = DriftStatistics(
        model=source.model,
        version=panel.version,
        role=panel.role,
        signal=signal,
        segment=source.segment,
        window=window.span,
        statistics=statistics,
        detector=detector,
        coverage=window.coverage,
        offsets=[OffsetRange(source.topic, source.partition, window.first_offset, window.next_offset)],
        configuration=source.configuration,
    )
    key = record.key
    id_ = f"{key}/{source.partition}/{window.start_ms}-{window.end_ms}/{panel.row}"
    return Emission(window.next_offset - 1, id_, key, record)


def _figures(one: Watched, tally: Tally, config: DriftConfig, events: int) -> dict[str, Any]:
    stage = one.stage
    if isinstance(stage, Numbers):
        return _number_figures(stage, tally, events) | _budget(one, stage.reference.summary["values"])
    if isinstance(stage, Shares):
        return _share_figures(stage, tally, events) | _budget(one, stage.values)
    return {"warm_up": {"values": stage.seen, "needed": config.warm_up}}


def _budget(one: Watched, values: float) -> dict[str, float]:
    """What the reference was asked for, and what its length alone can support."""
    return {"values_between_false_alarms": one.granted, "values_supported": 5 * values}


def _number_figures(stage: Numbers, tally: Tally, events: int) -> dict[str, Any]:
    reference = stage.reference
    moments = tally.moments(stage.slot)
    n = moments["values"]
    counts = tally.classes[stage.slot, : len(reference.class_shares)]
    figures: dict[str, Any] = moments | {"missing": events - n, "reference": reference.summary}
    if n:
        figures |= mean_difference(moments["mean"], moments["sd"], n, reference.summary)
        figures |= population_stability(counts, reference.class_shares, reference.summary["values"])
        figures["ks"] = float(np.max(np.abs(np.cumsum(counts / n - reference.class_shares))))
    figures["histogram"] = {"ends": reference.ends.tolist(), "counts": counts.tolist(),
                            "reference_shares": reference.class_shares.tolist()}  # fmt: skip
    figures |= _fitted(reference.rest)
    return figures


def _fitted(rest: Rest | None) -> dict[str, Any]:
    """What the warm-up showed beside a distribution, and what was therefore taken out."""
    season, spread = (None, None) if rest is None else (rest.season, rest.spread)
    return {
        "autoregression": [] if rest is None else rest.weights,
        "season": None if season is None else {"explained": season.explained, "weekend": season.has_weekend},
        "clustered_spread": None if spread is None else {"decay": spread.decay, "share": spread.share},
    }


def _share_figures(stage: Shares, tally: Tally, events: int) -> dict[str, Any]:
    n = float(tally.present[stage.slot])
    counts = tally.ones[stage.first : stage.first + len(stage.labels)]
    figures: dict[str, Any] = {"values": n, "missing": events - n, "reference": {"values": stage.values},
                               "season": None if stage.season is None else stage.season.figures()}  # fmt: skip
    if stage.boolean:
        figures |= {"share": float(counts[0]) / n if n else None, "reference_share": float(stage.reference[0])}
    else:
        figures["histogram"] = {"labels": [label[:64] for label in stage.labels], "counts": counts.tolist(),
                                "reference_shares": stage.reference.tolist()}  # fmt: skip
        if n:
            figures |= population_stability(counts, stage.reference, stage.values)
    return figures
