"""A half that is very old when it comes: whether it meets its other half must not depend on how the logs were cut into runs."""

import pytest

from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy
from schemas.codec import PredictionDecoder
from schemas.limits import Limits
from tests.pair_simulation import Recorder
from tests.unit.domain.test_unexpected_versions import START, Event

LEGACY = [Event(0, "z", "1", 1_400), Event(1, "b", "1", 1_500), Event(2, "r", "1", 1_450), Event(3, "c", "1", 3_000)]
SHADOW = [Event(0, "a", "2", 1_800), Event(1, "r", "2", 0)]


@pytest.mark.parametrize("cut", [2, 3, 4])
def test_it_waits_until_the_other_log_is_as_far(cut: int) -> None:
    """At 1,500 legacy is more than a wait and a horizon beyond the limit of ``r``, 400; its half in the shadow log has 1,800."""
    decode = PredictionDecoder(Limits()).decode
    pairing, said = Pairing(PairingPolicy(400, 0, 500), lambda _: (), decode, lambda *_: False), Recorder()
    pairing.rebuilt(said)
    pairing.ends = [True, True]
    pairing.feed(0, LEGACY[:1], 1, said)
    pairing.feed(1, SHADOW, 2, said)
    pairing.feed(0, LEGACY[1:cut], cut, said)
    pairing.feed(0, LEGACY[cut:], 4, said)
    assert ("credit", "r", "paired", START, ((0, 2), (1, 1))) in said.records
    assert said.refused == []
