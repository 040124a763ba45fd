"""The notify role: the records of ``alerts`` in, and what is still to be told to whom, as the state of each partition.

What is owed to which receiver is decided in ``app.domain.delivery``. The fold tells nobody itself: ``app.delivery`` reads the
state that was committed, tells it, and hands receipts back, which are taken here as time passes. It writes to no topic.

Delivery guarantees: the whole book is in ``save``, receipts included, so nothing is replayed. What was taken since the last
commit is told again after a crash; what was not taken is never forgotten but by the bounds of the book, which count it.
A record that cannot be read, or is too large to keep, is counted and passed over.
"""

from collections.abc import Callable, Sequence

from app.domain.delivery.alert_book import BOUNDS, AlertBook, Bounds, Receipt, Receivers
from app.domain.delivery.held_alert import read_alert
from app.folds.fold import Fold, Outbox, Run

__all__ = ["INPUTS", "NONE", "NotifyFold", "Receipts"]

INPUTS = ("alerts",)
#: The receipts of a partition that came since it was asked last.
Receipts = Callable[[int], Sequence[Receipt]]
#: Where nobody is told.
NONE: Receipts = lambda _: ()  # noqa: E731  a default of that type


class NotifyFold(Fold):
    """See the module's text."""

    def __init__(self, partition: int, receivers: Receivers, receipts: Receipts, bounds: Bounds = BOUNDS) -> None:
        self._partition, self._receivers, self._receipts, self._bounds = partition, receivers, receipts, bounds
        self._book = AlertBook()
        self._ended = False

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Go on from the book that was saved; where nothing was ever, what the log holds is history."""
        self._book = AlertBook() if saved is None else AlertBook.load(saved)
        self._book.current = False
        self._book.meet(self._receivers)

    def feed(self, side: int, run: Run, out: Outbox) -> None:
        """Take each change of state."""
        for record in run:
            try:
                alert = read_alert(record.value, record.timestamp)
            except ValueError:
                self._book.unreadable += 1
            else:
                self._book.take(alert, record.offset, self._receivers, self._bounds)

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Remember whether all has been read."""
        self._ended = all(ends)

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Note that all has been read, and the receipts that have come."""
        receipts = self._receipts(self._partition)
        self._book.note(receipts)
        return bool(receipts) | (self._ended and self._book.catch_up())

    def save(self) -> bytes:
        """The whole book."""
        return self._book.dump()

    def figures(self) -> dict[str, float]:
        """What stands in the book, and what was refused."""
        return self._book.figures()
