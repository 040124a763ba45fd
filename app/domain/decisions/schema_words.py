"""What a changed schema says: which features are new, gone, or of another type, since when, and what becomes of it.

Names come from producers: each is cut, and of many only the first are named, the rest is counted.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.decisions.alert_kinds import segment_label, short
from app.domain.decisions.traffic_words import Words, fitted, since
from schemas.statistics import DriftStatistics

__all__ = ["of_schema"]

_NAMED, _NAME_BYTES = 5, 60
_MEANING = {
    "new": "A model that was not trained on a new feature cannot use it.",
    "retyped": "A value of another type counts as missing for the feature's own statistics, and may for the model.",
    "vanished": "Answers without this input may be worse.",
}


def of_schema(statistics: DriftStatistics) -> Words:
    """The words for features that are otherwise than in the reference."""
    figures = statistics.statistics
    changes = {kind: _features(figures.get(kind)) for kind in _MEANING}
    told = [part for kind, features in changes.items() if (part := _told(kind, features))]
    whose = " ".join(part for part in (statistics.model, statistics.version) if part)
    segment = f" in {segment_label(statistics.segment)}" if statistics.segment else ""
    happened = "; ".join(told) or "see the evidence"
    summary = f"The features of the requests to {whose}{segment} have changed: {happened}{since(statistics)}"
    sentences = [sentence for kind, sentence in _MEANING.items() if changes[kind]]
    return fitted(
        summary, [*sentences, "If it was meant, it becomes the reference by itself once it has lasted as long as a warm-up."]
    )


def _features(listed: object) -> list[Mapping[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _told(kind: str, features: list[Mapping[str, Any]]) -> str:
    if not features:
        return ""
    names = [_one(kind, feature) for feature in features[:_NAMED]]
    more = f" and {len(features) - _NAMED:,} more" if len(features) > _NAMED else ""
    return f"{kind} {', '.join(names)}{more}" if kind != "retyped" else f"{', '.join(names)}{more}"


def _one(kind: str, feature: Mapping[str, Any]) -> str:
    name, now, before = (
        short(str(feature.get("name")), _NAME_BYTES),
        _types(feature.get("types")),
        _types(feature.get("reference_types")),
    )
    if kind == "retyped":
        return f"{name} is {now} in place of {before}"
    return f"{name} ({now})" if kind == "new" and now else name


def _types(listed: object) -> str:
    return " or ".join(str(one) for one in listed[:3]) if isinstance(listed, list) else ""
