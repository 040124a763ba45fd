"""Why an alert was told or not: what pipelines answered is part of it."""

import msgspec

from app.config import Config
from app.domain.decisions.alert_kinds import OF_SIGNAL, fingerprint, labels
from app.replay.explaining import Explaining
from tests.decide_builders import START, Desk, LogRecord, as_run, drift, record_of

OLD, NEW = "1.4.0", "1.5.0"
WRITTEN = START + 60 * 60_000


def mark(version: str) -> str:
    kind = OF_SIGNAL["feature"]
    return fingerprint(labels(kind, kind.severity, model="credit", version=version, role="legacy", signal="feature/income"))


def explained(version: str, *, answered: bool) -> list[tuple[str, str, str]]:
    """Phase, reason and what was told of the alert on a version's feature; the training succeeds between two records."""
    drifts = [drift(n, "drift", change=3) for n in (5, 6)]
    trigger = Desk(window="drifted").read(*drifts).triggers[0]["trigger_id"]
    ended = drift(9, "quiet", ended={"reason": "version", "successor": NEW})
    story = [*drifts, ended, drift(10, "drift", change=3, version=NEW)]
    records = [record_of(one, at)._replace(timestamp=WRITTEN + 10 * at) for at, one in enumerate(story)]
    value = {"trigger_id": trigger, "model": "credit", "status": "succeeded", "new_version": NEW, "timestamp": START + 480_000}
    status = LogRecord(0, WRITTEN + 15, b"credit", msgspec.json.encode(value))
    explaining = Explaining(Config(), mark(version))
    assert not explaining.wants("drift.statistics", 2)
    if answered:
        explaining.feed("retrain.status", 2, as_run([status], 0, 1))
    explaining.is_read("retrain.status", 2)
    assert not explaining.wants("drift.statistics", 2)
    explaining.is_read("actions", 2)
    assert explaining.wants("drift.statistics", 2)
    explaining.feed("drift.statistics", 2, as_run(records, 0, 4))
    return [(step.phase, step.reason, step.told) for step in explaining.steps]


def test_what_a_pipeline_answered_decides_as_it_did_in_the_role() -> None:
    fired = [("firing", "held", "firing"), ("firing", "goes_on", "")]
    assert explained(OLD, answered=True) == [*fired, ("quiet", "retrained", "resolved")]
    assert explained(NEW, answered=True) == []
    assert explained(OLD, answered=False) == [*fired, ("quiet", "forgotten", "resolved")]
    assert explained(NEW, answered=False) == fired[:1]
