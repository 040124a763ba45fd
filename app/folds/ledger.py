"""The port to what a shard commits to: outputs, state and position together, or none of them.

There are two: Kafka's transactions (``app.folds.kafka_ledger``) and, for the read model, Redis (``app.read_model``).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.folds.fold import LogAnswer, LogQuery, Outbox

__all__ = ["Ledger", "Saved"]


class Saved(NamedTuple):
    """What was committed last. ``low``: from where each side has to be read again; None: from ``next``."""

    saved: bytes
    next: Sequence[int]
    low: Sequence[int] | None = None
    snapshot: bytes | None = None
    #: Whether what lies between ``low`` and ``next`` is indispensable.
    replays: bool = False


class Ledger(Protocol):
    """Of one partition of one role."""

    async def open(self) -> Saved | None:
        """Shut out whoever wrote before, then say what was committed last; None: nothing, ever."""

    @property
    def outbox(self) -> Outbox:
        """Where the outputs of the present interval go."""

    def backlog(self) -> int:
        """Batches of output that wait for their commit."""

    def owes(self, *, ending: bool) -> bool:
        """Whether a commit is wanted although nothing is new: it put something off. At the end nothing may be put off longer."""

    async def commit(self, saved: Saved, *, ending: bool) -> None:
        """Commit all that is in the outbox, and ``saved``. On any error nothing is known: the ledger is not used again."""

    async def ask(self, query: LogQuery) -> LogAnswer:
        """Look a stretch of the log up."""

    async def discard(self) -> None:
        """Forget what was committed, where it does not belong to this log; ``open`` then says None."""

    async def close(self) -> None:
        """Write no more."""
