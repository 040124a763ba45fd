"""Records of ``outcomes.placed``: outcomes on the partition of their model's pairs, and marks between them.

An outcome lies on its request's partition, a pair on its model's. So the detect role writes each valid outcome once more, keyed
by its request id, where the pairs of its model are. Two logs have no order between them, though, and with a bounded memory
an order has to be known: whether an outcome came while its pair still waited. So it is written down. Whenever a shard has looked
at pairs it writes a *mark* to its own partition of this topic, a record without a key, which says up to which offset. Pairs below
a mark come before what follows the mark, pairs from it on come after what lies before it. Read again, on any day and however the
two logs are interleaved, they tell one story.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from app.domain.detection.holding import Kept
from schemas.json_text import shallow
from schemas.prediction import Outcome

__all__ = ["PlacedOutcome", "encode_mark", "encode_outcome", "mark_of", "outcome_of", "readable"]


class PlacedOutcome(Struct, gc=False):
    """An outcome, and the partition of ``outcomes`` that it came from: each is read at its own pace."""

    source: int
    outcome: Outcome


class _Mark(Struct):
    pairs: int


_encode = msgspec.json.Encoder().encode
_decode_mark, _decode_outcome = msgspec.json.Decoder(_Mark).decode, msgspec.json.Decoder(PlacedOutcome).decode


def encode_outcome(source: int, outcome: Outcome) -> bytes:
    """The value of an outcome's record."""
    return _encode(PlacedOutcome(source, outcome))


def encode_mark(offset: int) -> bytes:
    """The value of a mark: pairs below this offset were looked at.

    >>> encode_mark(17)
    b'{"pairs":17}'
    """
    return _encode(_Mark(offset))


def mark_of(record: Kept) -> int | None:
    """The offset that a mark says; None where the record is none."""
    if record.key is not None:
        return None
    try:
        return _decode_mark(shallow(record.value)).pairs
    except ValueError:
        return None


def outcome_of(record: Kept) -> PlacedOutcome | None:
    """The outcome in a record; None where it is none of ours."""
    try:
        return _decode_outcome(shallow(record.value))
    except ValueError:
        return None


def readable(records: Iterable[Kept], pairs_end: int | None) -> tuple[int, int]:
    """How many of these records lie before the first mark beyond ``pairs_end``, and the highest mark among them (0: none).

    None: all of them, whatever they say.
    """
    count = highest = 0
    for record in records:
        mark = mark_of(record)
        if mark is not None:
            if pairs_end is not None and mark > pairs_end:
                break
            highest = max(highest, mark)
        count += 1
    return count, highest
