"""What the serve role shows of a training is the course that decide has, though only dead letters say what was refused."""

import msgspec

from agents.serve import ServeFold
from app.domain.decisions.retraining import RetrainPolicy
from tests.decide_builders import Desk, drift
from tests.read_model_records import LETTERS, MINUTE_MS, START_MS, STATUSES, TRIGGERS, Record, Writes, fed, overview, status

#: Where the builders have their decide role.
PARTITION = 2


def test_a_training_is_shown_as_decide_has_taken_it() -> None:
    """A pipeline that does not wait for the approval is refused, and again where it repeats itself or goes back."""
    desk = Desk(RetrainPolicy(approval="required", cooldown_s=3_600)).read(drift(5, "drift", change=3))
    id_ = desk.triggers[0]["trigger_id"]
    early, late = ["running", "succeeded"], ["accepted", "accepted", "running", "accepted", "running", "failed", "succeeded"]
    for said in early:
        desk.say(id_, said)
    desk.act("approve", trigger_id=id_)
    for said in late:
        desk.say(id_, said)
    assert [reason for reason, _ in desk.letters] == ["unauthorised", "unauthorised", "duplicate", "late", "late"]
    answers = [
        (STATUSES, status(said, id_, minute=offset, detail=f"said {offset}")._replace(offset=offset))
        for offset, said in enumerate([*early, *late])
    ]
    found = overview(*[Writes()] * PARTITION, fed(*answers, *written(desk), fold=ServeFold(PARTITION))).triggers[0]
    assert found.training is not None
    assert (found.training.status, found.training.detail) == ("failed", "said 7")
    assert (found.training.started, found.training.ended) == (START_MS + 4 * MINUTE_MS, START_MS + 7 * MINUTE_MS)
    assert found.time == next(one.event["time"] for one in desk.out if one.topic == "retrain.triggers")


def written(desk: Desk) -> list[tuple[int, Record]]:
    """Triggers and dead letters, as the serve role reads them."""
    triggers = [Record(msgspec.json.encode(one.event)) for one in desk.out if one.topic == "retrain.triggers"]
    letters = [one.event for one in desk.out if one.topic == "dead.letters"]
    headers = [[(name, value) for name, value in one.items() if name != "value"] for one in letters]
    return [*((TRIGGERS, one) for one in triggers), *((LETTERS, Record(b"{}", each)) for each in headers)]
