"""What waits is let go of when its partition is given up: requests are hidden from the garbage collector, for speed."""

import gc
import weakref
from collections.abc import Sequence

from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy
from schemas.codec import PredictionDecoder
from schemas.limits import Limits
from tests.pair_simulation import Nothing


class Record:
    """One event that waits."""

    offset, timestamp, key = 0, 1_790_000_000_000, b"r1"
    value = b'{"request_id":"r1","model":"credit","version":"1","timestamp":1790000000000,"prediction":0.5}'
    headers: Sequence[tuple[str, bytes]] = ()


def test_a_pairing_that_is_thrown_away_leaves_nothing_behind() -> None:
    pairing = Pairing(PairingPolicy(1_000, 0, 1_000), lambda _: ("2",), PredictionDecoder(Limits()).decode, lambda *_: False)
    pairing.rebuilt(Nothing())
    pairing.ends = [True, True]
    record = Record()
    assert pairing.feed(0, [record], 1, Nothing()) == 1
    assert pairing.book.waiting == 1
    seen = weakref.ref(record)
    del record, pairing
    gc.collect()
    assert seen() is None
