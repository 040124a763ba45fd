"""From the scan's loudest window to evidence that a person, and the decide role, can use."""

from typing import Any

import numpy as np

from app.domain.detection.calibration import Floats
from app.domain.detection.effect_sizes import cohens_h, number_effects, share_effects
from app.domain.detection.scan_data import Finding
from app.domain.detection.signals import Numbers, Shares
from app.domain.detection.watched import Watched

__all__ = ["evidence_of"]

_SHAPES = ("spread", "skew", "peaks")
_Z95 = 1.959964


def _what(stage: object, finding: Finding, kernel: str) -> str:
    """Which aspect moved: ``location``, ``spread``, ``share``, ``share of DE``."""
    if kernel == "location":
        return "location"
    if kernel == "shapes":
        return _SHAPES[finding.column]
    if isinstance(stage, Shares) and not stage.boolean:
        return f"share of {stage.labels[finding.column][:64]}"
    return "share"


def evidence_of(one: Watched, finding: Finding, kernel: str, change: tuple[int, int], values: Floats) -> dict[str, Any]:
    """Direction, estimated change, effect and the scan's own figures; ``values``: the latest numbers since the change."""
    stage, difference = one.stage, finding.window_mean - finding.before_mean
    size, unit = difference, "scores of standard deviation 1"
    effect: dict[str, Any] = {}
    if isinstance(stage, Numbers):
        effect = number_effects(values, stage.reference)
    elif isinstance(stage, Shares):
        size, unit = cohens_h(finding.window_mean, finding.before_mean), "Cohen's h"
        reference = np.asarray(stage.reference)
        effect = share_effects(finding.window_shares, finding.window_count, reference, stage.values, stage.labels)
    half = _Z95 * finding.deviation
    opinions = [each.as_evidence() for each in stage.opinions] if isinstance(stage, Numbers | Shares) else []
    return {
        "direction": f"{_what(stage, finding, kernel)} {'up' if difference > 0 else 'down'}",
        "change": {"offset": change[0], "timestamp": change[1], "events": finding.width},
        "scan": {
            "score": finding.score,
            "h": finding.threshold,
            "window_events": finding.width,
            "window_values": finding.window_count,
            "before_values": finding.before_count,
            "difference": difference,
            "difference_interval": [difference - half, difference + half],
        },
        "effect": {"size": size, "unit": unit, **effect},
        "other_opinions": opinions,
    }
