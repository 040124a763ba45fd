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
    "request_id": "r-000124", "model": "credit", "timestamp": 1_790_000_000_456, "status": "legacy_only",
    "legacy": {"version": "1.4.0", "prediction": 0.12, "timestamp": 1_790_000_000_456, "latency_ms": None, "cost": None},
    "shadows": [], "missing": ["2.0.0"], "features": {"age": 29}, "segments": {}, "metadata": {},
}  # fmt: skip
_STATISTICS = {
    "model": "credit",
    "version": "1.4.0",
    "role": "legacy",
    "signal": {"kind": "feature", "name": "income"},
    "segment": None,
    "window": {"start": 1_790_000_000_000, "end": 1_790_000_059_999, "events": 14_531},
    "statistics": {
        "values": 14_356.0, "missing": 175.0, "mean": 4902.8, "sd": 793.1, "min": 610.0, "max": 10_240.0,
        "reference": {"values": 5_000.0, "mean": 4811.0, "sd": 771.7, "min": 640.0, "max": 9870.5},
        "since": 1_790_000_059_999,
        "baseline": {"id": "warm-up:1789990000000-1789990020600", "digest": _DIGEST},
        "direction": "location up",
        "change": {"offset": 114_200, "timestamp": 1_790_000_041_000, "events": 4_096},
        "effect": {
            "size": 0.41, "unit": "scores of standard deviation 1", "values": 512, "mean": 5127.4, "sd": 812.0,
            "reference_mean": 4811.0, "reference_sd": 771.7, "difference_sd": 0.41, "difference_sd_interval": [0.34, 0.48],
        },
        "values_between_false_alarms": 1e9, "values_supported": 25_000.0,
    },
    "detector": {"name": "scan", "state": "drift", "score": 1.31, "threshold": 1.0},
    "coverage": {"paired": 14_387, "partial": 0, "legacy_only": 144, "shadow_only": 0},
    "offsets": _OFFSETS,
    "configuration": _DIGEST,
}  # fmt: skip
_PAIRING = {
    "model": "credit",
    "version": "",
    "role": "all",
    "signal": {"kind": "pairing", "name": ""},
    "segment": None,
    "window": {"start": 1_789_999_980_000, "end": 1_790_000_040_000, "events": 29_120},
    "statistics": {
        "read": 29_120, "paired": 14_387, "partial": 0, "legacy_only": 144, "shadow_only": 0, "solo": 0, "late": 0,
        "duplicate": 202, "rejected": 0, "misrouted": 0, "sampled": 553,
    },
    "detector": {"name": "counts", "state": "quiet", "score": 0.0, "threshold": 1.0},
    "coverage": {"paired": 14_387, "partial": 0, "legacy_only": 144, "shadow_only": 0},
    "offsets": [{"topic": "predictions.legacy", "partition": 2, "start": 104_200, "end": 118_832}],
    "configuration": _DIGEST,
}  # fmt: skip
_SUMMARY = (
    "Feature income of credit 1.4.0 (legacy) is higher than in the reference: mean 5127 in place of 4811, "
    "since about 2026-09-21 14:14:01 UTC"
)
_ALERT = {
    "labels": {
        "alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "role": "legacy",
        "signal": "feature/income",
    },
    "annotations": {
        "summary": _SUMMARY,
        "description": "A first estimate, from the 512 values between the change and the alarm; the page shows what holds now. "
        "That is +0.41 standard deviations of the reference (95 % interval +0.34 to +0.48). "
        "The reference: the signal's first 5,000 values, from 2026-09-21 11:26:40 UTC to 2026-09-21 11:27:00 UTC. "
        "Detector scan: score 1.31, its threshold is 1, which chance alone reaches once in 1,000,000,000 values "
        "(a reference of this length vouches for 25,000). "
        "The inputs are no longer those of the reference; this alone does not say that the answers are worse.",
        "runbook_url": "https://runbooks.example.com/FeatureDrift",
        "dashboard_url": "http://127.0.0.1:8080/?model=credit",
    },
    "startsAt": "2026-09-21T14:14:19.999Z",
    "generatorURL": "http://127.0.0.1:8080/?model=credit&signal=feature%2Fincome",
    "status": "firing",
    "fingerprint": "058b80bda4b0d3b8",
    "evidence": {
        "reason": "held", "signal": _STATISTICS["signal"], "since": "2026-09-21T14:14:01.000Z",
        "detector": _STATISTICS["detector"], "window": _STATISTICS["window"], "statistics": _STATISTICS["statistics"],
        "coverage": _STATISTICS["coverage"], "offsets": _OFFSETS, "configuration": _DIGEST,
        "source": "credit|1.4.0|feature/income|/2/1790000000000-1790000059999/14531",
    },
}  # fmt: skip
_RESOLVED = {**_ALERT, "endsAt": "2026-09-21T15:02:00.000Z", "status": "resolved"}
_TRIGGER = {
    "trigger_id": "rt-5f0c6a4e1d2b",
    "model": {"name": "credit", "version": "1.4.0", "shadow_versions": ["2.0.0"]},
    "reason": {"code": "data_drift", "detail": _SUMMARY, "priority": "normal"},
    "evidence": {
        "alert": "058b80bda4b0d3b8", "signal": "feature/income", "detector": _STATISTICS["detector"],
        "since": "2026-09-21T14:14:01.000Z", "events_since_change": 4_096,
        "effect": {"size": 0.41, "values": 512, "mean": 5127.4, "reference_mean": 4811.0, "difference_sd": 0.41},
        "window_complete": True,
    },
    "window": {
        "start": 1_790_000_041_000, "end": 1_790_000_059_999, "events": 4_096,
        "offsets": [{"topic": "pairs", "partition": 2, "start": 114_200, "end": 118_731}], "digest": _DIGEST,
    },
    "baseline": {"id": "warm-up:1789990000000-1789990020600", "digest": _DIGEST},
    "policy": {"cooldown_s": 21_600, "next_eligible": "2026-09-21T20:14:19.999Z", "suppressed_since_last": 0},
    "approval": {"required": False, "state": "not_required"},
    "links": {
        "dashboard": "http://127.0.0.1:8080/?model=credit", "runbook": "https://runbooks.example.com/FeatureDrift",
        "alerts": ["058b80bda4b0d3b8"],
    },
    "lineage": {
        "job": {"namespace": "gnomon", "name": "decide"}, "run": {"runId": "0f2e9a4c-6d31-5b08-9a77-2c1f0e8d4b55"},
        "statistics": "credit|1.4.0|feature/income|/2/1790000000000-1790000059999/14531", "configuration": _DIGEST,
    },
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

_BASELINE = {
    "id": _DIGEST,
    "algorithm": "scan/4",
    "model": "credit",
    "version": "2026-09",
    "owner": "risk-ml",
    "created": "2026-09-22T08:00:00.000Z",
    "expires": "2026-12-22T08:00:00.000Z",
    "source": {
        "topic": "pairs",
        "offsets": [{"partition": 2, "start": 104_200, "end": 131_020, "pairs": 24_310, "digest": _DIGEST}],
        "first": "2026-09-21T14:13:20.123Z",
        "last": "2026-09-22T07:59:59.874Z",
    },
    "panels": [
        {
            "role": "legacy",
            "signals": [
                {
                    "kind": "feature", "name": "income", "values": 24_310, "first": "2026-09-21T14:13:20.123Z",
                    "last": "2026-09-22T07:59:59.874Z",
                    "reference": {"values": 24_310, "mean": 4_811.2, "sd": 1_204.7, "min": 310.0, "max": 18_200.0},
                    "digest": _DIGEST, "state": "Z25vbW9uLWRldGVjdAQ=",
                },
                {
                    "kind": "feature", "name": "country", "values": 24_310, "first": "2026-09-21T14:13:20.123Z",
                    "last": "2026-09-22T07:59:59.874Z", "shares": {"DE": 0.71, "FR": 0.24, "(other)": 0.05},
                    "digest": _DIGEST, "state": "Z25vbW9uLWRldGVjdAQ=",
                },
            ],
            "left_out": [{"signal": "feature/note", "values": 412}],
        },
    ],
}  # fmt: skip

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
    "action": [
        {
            "id": "9d2c", "action": "approve", "subject": "credit", "by": "ada", "why": "the window is right",
            "timestamp": 1_790_001_000_000, "trigger_id": "rt-5f0c6a4e1d2b",
        },
        {
            "id": "9d2d", "action": "silence", "subject": "credit", "by": "ada", "why": "known until the release",
            "timestamp": 1_790_001_000_000, "matchers": {"alertname": "FeatureDrift"}, "until": "2026-09-22T06:00:00Z",
        },
    ],
    "pair": [_PAIR, _PAIR_ALONE],
    "drift-statistics": [_STATISTICS, _PAIRING],
    "alert": [_ALERT, _RESOLVED],
    "retrain-trigger": [_TRIGGER],
    "verdict": [_VERDICT],
    "baseline": [_BASELINE],
    "dead-letter": [_LETTER],
}  # fmt: skip
