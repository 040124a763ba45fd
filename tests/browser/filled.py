"""A read model as it is after an hour of traffic: forty models, one of them in trouble."""

import random

from app.read_model.views import Overview
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    START_MS,
    STATISTICS,
    STATUSES,
    TRIGGERS,
    Record,
    action,
    alert,
    fed,
    letter,
    overview,
    pairing,
)

from tests.read_model_records import statistics, status, trigger  # isort: skip

__all__ = ["PATHS", "filled"]

WINDOWS = 60
#: A page of each kind.
PATHS = {
    "overview": "/", "model": "/models/credit",
    "signal": "/models/credit/signals/feature/income?version=1.4.0", "alerts": "/alerts?status=all",
    "alert": "/alerts/income", "silences": "/silences?status=all",
    "triggers": "/triggers", "trigger": "/triggers/rt-waits", "pipeline": "/pipeline",
    "dead-letters": "/dead-letters", "not-found": "/models/nobody",
}  # fmt: skip
_ENDS = [2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 8000.0]
_BEFORE = [0.05, 0.15, 0.25, 0.25, 0.15, 0.1, 0.05]
_NOW = [20, 50, 130, 200, 230, 220, 150]


def filled(*more: tuple[int, Record]) -> Overview:
    """The read model; ``more`` comes last."""
    rng = random.Random(1)
    records = [record for minute in range(WINDOWS) for record in _credit(minute, rng)]
    for at in range(39):
        name = f"model-{at:02}"
        records.append((STATISTICS, statistics(name, state="warning" if at == 7 else "quiet", mean=1.0, values=1000)))
        records.append((STATISTICS, pairing(name, read=2_000, paired=990 - at, legacy_only=10 + at)))
    return overview(fed(*records, *_told(), *more))


def _credit(minute: int, rng: random.Random) -> list[tuple[int, Record]]:
    """One window of each signal of the model in trouble: its income drifts from the fortieth on."""
    drifts = minute >= 40
    made = [_income(minute, rng, drifts=drifts)]
    for version, role in (("1.4.0", "legacy"), ("2.0.0", "shadow")):
        both = {"version": version, "role": role, "minute": minute}
        moved = "drift" if drifts and role == "legacy" else "quiet"
        for kind, mean, state in (("prediction", 0.3, moved), ("latency", 12.0, "quiet"), ("cost", 0.0004, "quiet")):
            score = rng.uniform(0.1, 0.6) + (state == "drift")
            figures = _numbers(mean * rng.uniform(0.95, 1.05), mean, mean / 4)
            made.append(statistics("credit", kind=kind, name="", state=state, score=score, **figures, **both))
    if minute >= 27:
        figures = _numbers(0.3, 0.3, 0.075)
        made.append(statistics("credit", "2.1.0", kind="prediction", name="", role="shadow", minute=minute, **figures))
    shadow = {"version": "2.0.0", "role": "shadow", "minute": minute, "name": ""}
    made.append(
        statistics(
            "credit", kind="disagreement", state="quiet", share=rng.uniform(0.1, 0.2), reference_share=0.14, values=1000, **shadow
        )
    )
    made.append(
        statistics("credit", kind="difference", state="warning" if drifts else "quiet", **_numbers(-0.05, -0.01, 0.1), **shadow)
    )
    made += [
        statistics("credit", name=name, minute=minute, score=rng.uniform(0.1, 0.5), **_numbers(40.0, 40.0, 9.0))
        for name in ("age", "country", "channel_of_the_first_contact")
    ]
    made.append(statistics("credit", name="age", minute=minute, segment={"channel": "web"}, **_numbers(38.0, 38.0, 9.0)))
    made.append(
        pairing("credit", minute=minute, read=2_000, paired=970, partial=10, legacy_only=18, shadow_only=2, late=3, duplicate=1)
    )
    return [(STATISTICS, record) for record in made]


def _income(minute: int, rng: random.Random, *, drifts: bool) -> Record:
    figures = _numbers(5_900.0 if drifts else 4_300.0, 4_300.0, 1_500.0)
    if drifts:
        figures |= {"direction": "location up", "change": {"offset": 5, "timestamp": START_MS + 40 * 60_000, "events": 400}}
    if minute >= 20:
        figures["baseline"] = {
            "id": "sha256:0123456789abcdef0123",
            "digest": "sha256:01",
            "version": "2026-09",
            "owner": "risk-ml",
        }
    state, score = ("drift", rng.uniform(1.0, 1.6)) if drifts else ("quiet", rng.uniform(0.2, 0.6))
    return statistics("credit", name="income", minute=minute, state=state, score=score, **figures)


def _numbers(mean: float, before: float, sd: float) -> dict[str, object]:
    shift = (mean - before) / sd
    return {
        "values": 1000, "missing": 3, "mean": mean, "sd": sd, "reference": {"values": 7000, "mean": before, "sd": sd},
        "difference_sd": shift, "difference_sd_interval": [shift - 0.06, shift + 0.06], "psi": 0.4 * abs(shift),
        "psi_99_without_drift": 0.05, "jensen_shannon": 0.2 * abs(shift), "ks": min(0.3 * abs(shift), 1.0),
        "histogram": {"ends": _ENDS, "counts": _NOW, "reference_shares": _BEFORE},
        "baseline": {"id": f"warm-up:{START_MS - 7_000_000}-{START_MS}", "digest": "sha256:0123456789abcdef"},
    }  # fmt: skip


def _told() -> list[tuple[int, Record]]:
    """Alerts, triggers, dead letters, and what people said."""
    labels = {"severity": "warning", "model": "credit", "version": "1.4.0", "role": "legacy"}
    income = labels | {"alertname": "FeatureDrift", "signal": "feature/income"}
    answers = labels | {"alertname": "PredictionDrift", "signal": "prediction", "severity": "critical"}
    said = {"summary": "Feature income of credit 1.4.0 (legacy) is higher than in the reference: mean 5,900 in place of 4,300"}
    missing, moved = (
        labels | {"alertname": "MissingShare", "signal": "missing/age"},
        {"summary": "The predictions of credit moved"},
    )
    evidence = {"reason": "held", "detector": {"name": "scan", "state": "drift", "score": 1.2, "threshold": 1.0},
                "window": {"start": START_MS, "end": START_MS + 60_000, "events": 1000}}  # fmt: skip
    waits = {"required": True, "state": "pending"}
    return [
        (ALERTS, alert(minute=41, fingerprint="income", labels=income, annotations=said, evidence=evidence)),
        (ALERTS, alert(minute=42, fingerprint="answers", labels=answers, annotations=moved)),
        (ALERTS, alert("resolved", minute=3, fingerprint="income", labels=income, annotations=said)),
        (ALERTS, alert("resolved", minute=9, fingerprint="age", labels=missing)),
        (TRIGGERS, trigger("rt-waits", minute=43, approval=waits, links={"alerts": ["income"]})),
        (TRIGGERS, trigger("rt-done", minute=5)),
        (STATUSES, status("running", "rt-done", minute=12)),
        (STATUSES, status("succeeded", "rt-done", minute=25, new_version="2.1.0", detail="run 4711")),
        (TRIGGERS, trigger("rt-lost", minute=30)),
        (STATUSES, status("accepted", "rt-lost", minute=31)),
        (STATUSES, status("failed", "rt-lost", minute=36, detail="no memory")),
        (ACTIONS, action("acknowledge", minute=44, fingerprint="income", why="looking into it")),
        (ACTIONS, action(minute=45, id="credit:9d2c", matchers={"signal": "feature/income"}, by="bob", why="a new source")),
        (ACTIONS, action(minute=46, id="credit:0b1f", matchers={"model": "credit"}, why="a roll-out")),
        (ACTIONS, action("unsilence", minute=47, silence="credit:0b1f", by="bob", why="it is over")),
        *((LETTERS, letter("late", offset=at)) for at in range(5)),
        (LETTERS, letter("not_json", "predictions.shadow", 9, "expected a JSON object, found NaN at byte 17")),
    ]  # fmt: skip
