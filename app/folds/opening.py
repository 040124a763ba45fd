"""Where a partition's inputs have to be read from, by its checkpoint and by what the logs still hold.

What lies between ``low`` and ``next`` is replayed in silence. A log that was cut so far that something indispensable is gone
is refused by name: going on would lose records, or bring back halves of what was done, and nobody would know.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.folds.checkpoint import CheckpointError
from app.folds.ledger import Saved

__all__ = ["Beginning", "LogCutError", "beginning", "is_of_another_log", "refuse_other_inputs"]

#: Where the log of one side begins and ends.
Span = tuple[int, int]


class LogCutError(Exception):
    """The log no longer holds what has to be read; the message says which and how much is missing."""


class Beginning(NamedTuple):
    """The offset from which each side is read, and the one from which on what is said counts."""

    low: list[int]
    next: list[int]


def refuse_other_inputs(saved: Saved, topics: Sequence[str], partition: int) -> None:
    """Raise ``CheckpointError`` where a checkpoint is of another number of inputs: what it holds is another version's state."""
    if len(saved.next) != len(topics):
        message = (
            f"the checkpoint of partition {partition} has positions in {len(saved.next)} topics, but this version reads "
            f"{len(topics)}: {', '.join(topics)}. Run `gnomon reset` to begin anew, which writes everything a second time"
        )
        raise CheckpointError(message)


def is_of_another_log(saved: Saved, spans: Sequence[Span]) -> bool:
    """Whether a checkpoint is ahead of the logs: the topic was made anew."""
    return any(at > end for at, (_, end) in zip(saved.next, spans, strict=True))


def beginning(saved: Saved | None, spans: Sequence[Span], topics: Sequence[str], partition: int) -> Beginning:
    """Where to begin; raises ``LogCutError`` where the logs no longer hold what ``saved`` builds on."""
    begins = [begin for begin, _ in spans]
    if saved is None:
        return Beginning(begins, list(begins))
    low = list(saved.low if saved.low is not None else saved.next)
    for topic, position, first, begin in zip(topics, saved.next, low, begins, strict=True):
        if position < begin or (first < begin and saved.replays):
            raise LogCutError(_cut_message(f"{topic}-{partition}", min(position, first) if saved.replays else position, begin))
    if any(at < begin for at, begin in zip(low, begins, strict=True)):
        # Nothing is left to wait for. One log without the other would bring back halves of what was done.
        low = list(saved.next)
    return Beginning(low, list(saved.next))


def _cut_message(where: str, wanted: int, begin: int) -> str:
    return (
        f"{where} begins at offset {begin}, but offset {wanted} on has to be read: {begin - wanted} records were deleted before "
        f"they were used. Raise the topic's retention; `gnomon reset` begins anew with what is left, and writes it a second time"
    )
