"""One example or more of each message's payload, as it stands on the wire; by the message's name in the catalogue.

They are part of the published documents and of ``docs/messages.md``; a test decodes every one of them.
"""

from typing import Any

__all__ = ["EXAMPLES"]

_OFFSETS = [{"topic": "pairs", "partition": 2, "start": 104_200, "end": 118_731}]
_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_PREDICTION = {
    "request_id": "r-000123",
    "model": "credit",
    "version": "1.4.0",
    "timestamp": 1_790_000_000_123,
    "prediction": 0.87,
    "features": {"age": 41, "income": 5300.5, "country": "DE", "owner": True, "note": None},
    "latency_ms": 12.3,
    "cost": 0.0004,
    "segments": {"channel": "web"},
    "metadata": {"trace": "4bf92f3577b34da6"},
}
_CLASSES = {
    "model": "ticket-router",
    "version": "7",
    "timestamp": "2026-09-21T14:13:20.123Z",
    "prediction": {"billing": 0.7, "support": 0.25, "sales": 0.05},
}
_PAIR = {
    "request_id": "r-000123",
    "model": "credit",
    "timestamp": 1_790_000_000_123,
    "status": "paired",
    "legacy": {
        "version": "1.4.0", "prediction": 0.87, "timestamp": 1_790_000_000_123, "latency_ms": 12.3, "cost": 0.0004,
    },
    "shadows": [
        {
            "version": "2.0.0", "prediction": 0.81, "timestamp": 1_790_000_000_150, "latency_ms": 9.1, "cost": 0.0002,
            "difference": -0.06, "agrees": True,
        },
    ],
    "missing": [],
    "features": {"age": 41, "income": 5300.5, "country": "DE", "owner": True, "note": None},
    "segments": {"channel": "web"},
    "metadata": {"trace": "4bf92f3577b34da6"},
}  # fmt: skip
_PAIR_ALONE = {
    "request_id": "r-000124",
    "model": "credit",
    "timestamp": 1_790_000_000_456,
    "status": "legacy_only",
    "legacy": {"version": "1.4.0", "prediction": 0.12, "timestamp": 1_790_000_000_456, "latency_ms": None, "cost": None},
    "shadows": [],
    "missing": ["2.0.0"],
    "features": {"age": 29},
    "segments": {},
    "metadata": {},
}
_STATISTICS = {
    "model": "credit",
    "version": "1.4.0",
    "role": "legacy",
    "signal": {"kind": "feature", "name": "income"},
    "segment": None,
    "window": {"start": 1_790_000_000_000, "end": 1_790_000_059_999, "events": 14_531},
    "statistics": {"count": 14_531, "mean": 5127.4, "missing": 0.012},
    "detector": {"name": "scan", "state": "drift", "score": 31.2, "threshold": 18.0},
    "coverage": {"paired": 14_387, "partial": 0, "legacy_only": 144, "shadow_only": 0},
    "offsets": _OFFSETS,
    "configuration": _DIGEST,
}
_PAIRING = {
    "model": "credit",
    "version": "",
    "role": "all",
    "signal": {"kind": "pairing", "name": ""},
    "segment": None,
    "window": {"start": 1_790_000_000_000, "end": 1_790_000_059_999, "events": 29_120},
    "statistics": {
        "read": 29_120, "paired": 14_387, "partial": 0, "legacy_only": 144, "shadow_only": 0, "solo": 0, "late": 0,
        "duplicate": 202, "rejected": 0, "misrouted": 0,
    },
    "detector": {"name": "none", "state": "quiet", "score": 0.0, "threshold": 0.0},
    "coverage": {"paired": 14_387, "partial": 0, "legacy_only": 144, "shadow_only": 0},
    "offsets": [{"topic": "predictions.legacy", "partition": 2, "start": 104_200, "end": 118_832}],
    "configuration": _DIGEST,
}  # fmt: skip
_ALERT = {
    "labels": {
        "alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "role": "legacy",
        "signal": "feature/income",
    },
    "annotations": {
        "summary": "income of credit 1.4.0 has drifted",
        "description": "Since 14:13 the feature `income` lies lower than in the reference: score 31.2, threshold 18.",
        "runbook_url": "https://runbooks.example.com/FeatureDrift",
        "dashboard_url": "http://127.0.0.1:8080/?model=credit",
    },
    "startsAt": "2026-09-21T14:13:20.000Z",
    "generatorURL": "http://127.0.0.1:8080/?model=credit&signal=feature%2Fincome",
    "status": "firing",
    "fingerprint": "a3c21f6be9b0d417",
    "evidence": {"score": 31.2, "threshold": 18.0, "offsets": _OFFSETS},
}  # fmt: skip
_RESOLVED = {**_ALERT, "endsAt": "2026-09-21T15:02:00.000Z", "status": "resolved"}
_TRIGGER = {
    "trigger_id": "rt-5f0c6a4e1d2b",
    "model": {"name": "credit", "version": "1.4.0", "shadow_versions": ["2.0.0"]},
    "reason": {"code": "data_drift", "detail": "feature/income has drifted since 14:13", "priority": "normal"},
    "evidence": {"signal": "feature/income", "score": 31.2, "threshold": 18.0},
    "window": {
        "start": 1_790_000_000_000, "end": 1_790_000_059_999, "events": 14_531, "offsets": _OFFSETS, "digest": _DIGEST,
    },
    "baseline": {"id": "warm-up", "digest": _DIGEST},
    "policy": {"cooldown_s": 21_600, "next_eligible": "2026-09-21T20:13:20.000Z", "suppressed_since_last": 0},
    "approval": {"required": False, "state": "not_required"},
    "links": {"dashboard": "http://127.0.0.1:8080/?model=credit", "alerts": ["a3c21f6be9b0d417"]},
    "lineage": {"pairs": "pairs", "statistics": "drift.statistics"},
}  # fmt: skip
_VERDICT = {
    "model": "credit",
    "legacy_version": "1.4.0",
    "shadow_version": "2.0.0",
    "verdict": "equivalent",
    "metrics": [
        {"name": "log_loss", "estimate": -0.0004, "lower": -0.0011, "upper": 0.0003, "margin": 0.002, "events": 84_210},
    ],
    "coverage": {"paired": 84_210, "partial": 0, "legacy_only": 151, "shadow_only": 3},
    "bounds": {"lower": -0.0029, "upper": 0.0021},
    "specification": _DIGEST,
    "window": {"start": 1_790_000_000_000, "end": 1_790_086_400_000, "events": 84_364},
    "evidence": {},
}
_LETTER = {
    "reason": "invalid_schema",
    "detail": "Expected `str`, got `int` - at `$.version`",
    "source.topic": "predictions.legacy",
    "source.partition": "2",
    "source.offset": "104217",
    "source.timestamp": "1790000000123",
    "ce_specversion": "1.0",
    "ce_type": "io.gnomon.dead.letter.v1",
    "ce_source": "/gnomon/dead.letters",
    "ce_id": "predictions.legacy/2/104217",
    "source.header.traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "prediction": [_PREDICTION, _CLASSES],
    "outcome": [
        {
            "request_id": "r-000123", "model": "credit", "timestamp": 1_790_172_800_000, "label": True, "value": 412.5,
            "kpis": {"margin_eur": 38.2}, "correction": False,
        },
    ],
    "model-manifest": [{"model": "credit", "version": "2.0.0", "role": "shadow", "owner": "risk-ml"}],
    "retrain-status": [
        {
            "trigger_id": "rt-5f0c6a4e1d2b", "model": "credit", "status": "succeeded", "new_version": "1.5.0",
            "timestamp": 1_790_007_200_000, "detail": "run 4711",
        },
    ],
    "pair": [_PAIR, _PAIR_ALONE],
    "drift-statistics": [_STATISTICS, _PAIRING],
    "alert": [_ALERT, _RESOLVED],
    "retrain-trigger": [_TRIGGER],
    "verdict": [_VERDICT],
    "dead-letter": [_LETTER],
}  # fmt: skip
