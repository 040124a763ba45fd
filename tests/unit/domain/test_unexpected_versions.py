"""Versions that nobody expects: whether they come into a record may depend on how the logs were read, the horizon may not."""

import json
from collections.abc import Sequence

import pytest

from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy
from schemas.codec import PredictionDecoder
from schemas.limits import Limits
from tests.pair_simulation import Recorder

START = 1_790_000_000_000


class Event:
    """One event of request ``id``, ``at`` milliseconds after the start."""

    headers: Sequence[tuple[str, bytes]] = ()
    timestamp = START

    def __init__(self, offset: int, id_: str, version: str, at: int, model: str = "credit") -> None:
        self.offset, self.key = offset, id_.encode()
        event = {"request_id": id_, "model": model, "version": version, "timestamp": START + at, "prediction": 0.5}
        self.value = json.dumps(event).encode()


LEGACY = [Event(0, "a", "1", 900), Event(1, "r", "1", 1_000)]
SHADOW = [Event(0, "r", "3", 200), Event(1, "r", "2", 0), Event(2, "b", "2", 1_000)]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_horizon_does_not_depend_on_how_a_run_was_cut(cut: int) -> None:
    """Legacy has passed the request's limit when its shadows are read, in one run or in two; then its own half comes."""
    decode = PredictionDecoder(Limits()).decode
    pairing, said = Pairing(PairingPolicy(400, 0, 500), lambda _: (), decode, lambda *_: False), Recorder()
    pairing.rebuilt(said)
    pairing.ends = [True, True]
    pairing.feed(0, LEGACY[:1], 1, said)
    pairing.feed(1, SHADOW[:cut], cut, said)
    if cut < 3:
        pairing.feed(1, SHADOW[cut:], 3, said)
    pairing.feed(0, LEGACY[1:], 2, said)
    assert pairing.book.totals.figures(pairing.book.waiting)["unaccounted"] == 0
    assert (0, 1, "late") in said.refused
