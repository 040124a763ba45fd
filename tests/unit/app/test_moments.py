"""What charts mark besides alerts and triggers: when a version came, what a pipeline trained, when a reference changed."""

from typing import Any

import pytest

from agents.serve import ServeFold
from app.read_model.capacity import Capacity
from app.read_model.documents import BaselineSeen
from app.read_model.moments import hear
from app.read_model.views import Training, Version
from schemas.cloudevents import rfc3339
from schemas.limits import Limits
from tests.read_model_records import LETTERS, MINUTE_MS, START_MS, STATISTICS, STATUSES, TRIGGERS, Record, fed, overview

from tests.read_model_records import pairing, refusal, statistics, status, trigger  # isort: skip

PINNED = {"id": "sha256:aa", "digest": "sha256:bb", "version": "2026-11", "owner": "risk-ml", "expires": None}


def at(minute: int) -> int:
    return START_MS + minute * MINUTE_MS


def warm_up(first: int, last: int) -> dict[str, str]:
    return {"id": f"warm-up:{at(first)}-{at(last)}", "digest": "sha256:cc"}


def versions(*records: Record) -> list[Version]:
    return overview(fed(*((STATISTICS, record) for record in records))).models["credit"].versions


def training(*records: Record, **of_trigger: Any) -> Training | None:
    """Of the trigger t1, in any order of the two topics the same."""
    told = [(STATUSES, record) for record in records]
    asked = (TRIGGERS, trigger("t1", **of_trigger))
    [before], [after] = overview(fed(*told, asked)).triggers, overview(fed(asked, *told)).triggers
    assert before == after
    return after.training


def baselines(*windows: Any, most: int = 8) -> object:
    fold = ServeFold(0, Capacity(baselines=most))
    records = [
        (STATISTICS, statistics(minute=10 + minute, **({"baseline": each} if each is not None else {})))
        for minute, each in enumerate(windows)
    ]
    return overview(fed(*records, fold=fold)).models["credit"].signals[0].baselines


def test_a_version_is_first_seen_where_the_first_window_begins_that_speaks_of_it_in_each_of_its_roles() -> None:
    shadow = {"version": "2.0.0", "role": "shadow"}
    assert versions(
        statistics(minute=1), statistics(minute=3, **shadow), statistics(minute=5, **shadow), statistics(minute=2),
        statistics(version="2.0.0", minute=8), statistics(version="2.0.0", minute=9), pairing(minute=0, read=1),
    ) == [
        Version("1.4.0", "legacy", at(3), at(1), None),
        Version("2.0.0", "legacy", at(10), at(8), at(3)),
    ]  # fmt: skip


def test_outcomes_of_older_windows_say_since_when_and_neither_role_nor_until_when() -> None:
    late = {"kind": "error", "name": "", "mean": 0.2}
    assert versions(
        statistics(minute=500), statistics(version="2.0.0", role="shadow", minute=400), statistics(version="2.0.0", minute=501),
        statistics(minute=10, **late), statistics(version="2.0.0", role="shadow", minute=300, **late),
    ) == [
        Version("1.4.0", "legacy", at(501), at(10), None),
        Version("2.0.0", "legacy", at(502), at(501), at(300)),
    ]  # fmt: skip


def test_of_shards_the_one_that_saw_a_version_first_counts_and_the_newest_says_its_role() -> None:
    earlier = fed((STATISTICS, statistics(minute=2, role="shadow")), (STATISTICS, statistics(minute=9)))
    later = fed((STATISTICS, statistics(minute=4, role="shadow")))
    for shards in ((earlier, later), (later, earlier)):
        assert overview(*shards).models["credit"].versions == [Version("1.4.0", "legacy", at(10), at(9), at(2))]


def test_a_training_starts_runs_and_ends_with_a_version() -> None:
    said = [status("accepted", minute=1), status("running", minute=2), status("running", minute=3)]
    assert training() is None
    assert training(said[0]) == Training(status="accepted", started=None, ended=None, new_version=None, detail=None)
    assert training(*said) == Training(status="running", started=at(2), ended=None, new_version=None, detail=None)
    ended = status(minute=6, new_version="1.5.0", detail="run 4711" * 100)
    assert training(*said, ended) == Training(
        status="succeeded", started=at(2), ended=at(6), new_version="1.5.0", detail=("run 4711" * 100)[:300]
    )


@pytest.mark.parametrize("end", ["failed", "rejected", "succeeded"])
@pytest.mark.parametrize("late", ["accepted", "running", "succeeded", "failed"])
def test_no_step_of_a_training_is_taken_back(end: str, late: str) -> None:
    found = training(status(end, minute=5), status(late, minute=9, new_version="9", detail="late"))
    assert found == training(status(end, minute=5))
    assert found is not None
    assert (found.status, found.started, found.ended) == (end, None, at(5))


def test_an_answer_is_read_with_the_limits_of_the_configuration() -> None:
    records = (TRIGGERS, trigger()), (STATUSES, status(detail="x" * 1024**2))
    for limit, heard in ((Limits(), False), (Limits(record_bytes=4 * 1024**2), True)):
        [found] = overview(fed(*records, fold=ServeFold(0, limits=limit))).triggers
        assert (found.training is not None) == heard


def test_an_answer_counts_for_its_trigger_alone_and_for_none_that_may_not_be_trained_for() -> None:
    assert training(status(id_="t2")) is None
    assert training(status(model="search")) is None
    for state, heard in (("pending", False), ("approved", True), ("rejected", False), ("expired", False)):
        assert (training(status(), approval={"required": True, "state": state}) is not None) == heard
    elsewhere = overview(fed((TRIGGERS, trigger("t1"))), fed((STATUSES, status())))
    assert elsewhere.triggers[0].training is None


def answered(*records: tuple[int, Record]) -> Training | None:
    """Of the trigger t1, which was approved, on the second of two partitions; the first one says other things."""
    approved = (TRIGGERS, trigger(approval={"required": True, "state": "approved"}))
    other = fed((TRIGGERS, trigger("t0")), *((LETTERS, refusal(offset, "retrain.status")) for offset in range(20)))
    found = {each.trigger.trigger_id: each for each in overview(other, fed(approved, *records, fold=ServeFold(1))).triggers}
    return found["t1"].training


@pytest.mark.parametrize("first", ["succeeded", "running"])
def test_an_answer_that_was_refused_is_no_step(first: str) -> None:
    """As long as a trigger waits for approval, what a pipeline says is refused; the dead letter may be read first or last."""
    early = [(STATUSES, status(first, minute=1 + at, new_version="9")._replace(offset=3 + at)) for at in range(2)]
    told = [
        (STATUSES, status("accepted", minute=6)._replace(offset=5)),
        (STATUSES, status("running", minute=7)._replace(offset=8)),
    ]
    letters = [(LETTERS, refused(offset)) for offset in (3, 4)]
    want = Training(status="running", started=at(7), ended=None, new_version=None, detail=None)
    for records in ([*letters, *early, *told], [*early, *told, *letters], [*early, letters[1], *told, letters[0]]):
        assert answered(*records) == want
    assert answered(*early, *letters) is None
    assert answered((LETTERS, refused(5, "actions")), (LETTERS, refused(8, partition=0)), *told) == want


def refused(offset: int, topic: str = "retrain.status", partition: int = 1) -> Record:
    """The dead letter of a record of this partition."""
    place = {"reason": "unauthorised", "source.topic": topic, "source.partition": str(partition), "source.offset": str(offset)}
    return Record(b"{}", [(name, value.encode()) for name, value in place.items()])


def test_a_pipeline_that_says_often_that_it_runs_takes_no_more_room_and_hides_nothing() -> None:
    runs = [(STATUSES, status("running", minute=at)._replace(offset=at)) for at in range(1, 50)]
    writes = fed((TRIGGERS, trigger()), *runs, *((LETTERS, refused(at, partition=0)) for at in range(1, 49)))
    assert len(writes.table[b'training ["credit","t1"]']) < 500
    [found] = overview(writes).triggers
    assert found.training == Training(status="running", started=at(49), ended=None, new_version=None, detail=None)


def test_no_step_is_earlier_than_the_one_before() -> None:
    assert training(status("running", minute=5), status("failed", minute=2)) == Training(
        status="failed", started=at(5), ended=at(5), new_version=None, detail=None
    )


def test_a_trigger_was_asked_for_when_it_was_first_written() -> None:
    waits, approved = ({"required": True, "state": state} for state in ("pending", "approved"))
    [found] = overview(fed((TRIGGERS, trigger(approval=waits)), (TRIGGERS, trigger(minute=300, approval=approved)))).triggers
    assert (found.time, found.trigger.approval.state) == (rfc3339(at(0)), "approved")


def test_a_reference_changed_where_a_window_names_another_one() -> None:
    assert baselines(None, warm_up(0, 9), warm_up(0, 9), PINNED, PINNED, None, warm_up(12, 15)) == [
        BaselineSeen(at(9), f"warm-up:{at(0)}-{at(9)}", None, None),
        BaselineSeen(at(13), "sha256:aa", "2026-11", "risk-ml"),
        BaselineSeen(at(15), f"warm-up:{at(12)}-{at(15)}", None, None),
    ]


def test_the_last_references_are_kept() -> None:
    found = baselines(*({"id": f"sha256:{each}"} for each in range(20)), most=3)
    assert isinstance(found, list)
    assert [each.id for each in found] == ["sha256:17", "sha256:18", "sha256:19"]


@pytest.mark.parametrize("junk", [True, "x", [], 3, {"id": 4}, {"id": None}, {}, {"id": [1]}])
def test_what_is_no_reference_changes_nothing(junk: Any) -> None:
    assert baselines(PINNED, junk, PINNED) == baselines(PINNED)


def test_long_names_of_references_are_cut_and_stay_the_same_reference() -> None:
    long = {"id": "warm-up:" + "9" * 500, "version": "v" * 500, "owner": 5}
    assert baselines(long, long) == [BaselineSeen(at(10), ("warm-up:" + "9" * 500)[:128], "v" * 128, None)]


def test_until_when_topics_were_heard_never_falls_back_and_is_known_of_so_many() -> None:
    heard: dict[str, int] = {}
    for topic, end in (("a", 5), ("b", 3), ("a", 4), ("c", 9), ("b", 8)):
        hear(heard, topic, end, 2)
    assert heard == {"a": 5, "b": 8}
