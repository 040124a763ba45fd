"""Which keys are looked at: enough of each model's to find a wrong partitioner, and hardly more for a thousand models."""

from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy
from schemas.codec import PredictionDecoder
from schemas.half import Half
from schemas.limits import Limits
from schemas.record import SourceRecord
from tests.pair_simulation import Recorder
from tests.unit.domain.test_unexpected_versions import START, Event


def looked_at(names: list[str]) -> list[int]:
    """The offsets of the keys that are looked at, where the n-th legacy event is of the n-th model in ``names``."""
    offsets: list[int] = []

    def is_misrouted(record: SourceRecord, _: Half) -> bool:
        offsets.append(record.offset)
        return False

    pairing = Pairing(PairingPolicy(400, 0, 500), lambda _: (), PredictionDecoder(Limits()).decode, is_misrouted)
    pairing.rebuilt(Recorder())
    pairing.ends = [True, True]
    events = [Event(offset, f"r{offset}", "1", 0, name) for offset, name in enumerate(names)]
    assert pairing.feed(0, events, len(events), Recorder()) == len(events)
    assert pairing.times[0].top == START
    return offsets


def test_the_first_fifty_of_a_model_and_one_of_sixty_four_after() -> None:
    assert looked_at(["credit"] * 200) == [*range(50), 64, 128, 192]


def test_a_model_that_comes_later_is_looked_at_too() -> None:
    assert looked_at(["credit"] * 100 + ["fraud", "credit"] * 3) == [*range(50), 64, 100, 102, 104]


def test_a_thousand_models_cost_about_one_key_each() -> None:
    assert len(looked_at([f"m{number % 1_000}" for number in range(10_000)])) < 1_200
