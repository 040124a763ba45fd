"""What is due for one receiver, and when again.

An entry is due at once when it is new or has changed; taken, it is due again after ``resend_s``. A resolve that was first taken
``RESOLVE_HELD_MS`` ago need not be told any more. What a receiver refused, while it takes others, is due again too, alone in its
batch: the fault may be the receiver's, and be mended.

What is due longest goes first, and what is new or has changed before all of it. May not happen: that something is never told,
since a receiver is so slow that what was told first is due again before the last was told. Nor that what is refused, one in a
request, holds up the rest: of two requests in a row one is for others, as long as any are due.

Times: ``steady`` is a clock in seconds that nobody sets, ``now_ms`` the wall clock. Both come as arguments.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from operator import attrgetter

from app.domain.delivery.alert_book import AlertBook, Message, Receipt
from app.domain.delivery.held_alert import HeldAlert

__all__ = ["BATCH", "RESOLVE_HELD_MS", "Entry", "Mailbox", "backoff_s", "message_mailbox", "state_mailbox"]

#: As long as Prometheus does: a receiver that is restarted before it acted on a resolve is told it again.
RESOLVE_HELD_MS = 900_000
#: Alerts in one request; of 100 of ours some 150 KB.
BATCH = 100
#: A receiver that comes back is tried again within this.
_BACKOFF_AT_MOST_S = 15.0
#: Of one message; some 8 s.
_TRIES_IN_A_ROW = 5
_due_at = attrgetter("due_at")


def backoff_s(failures: int, draw: float) -> float:
    """Seconds from the n-th failure in a row to the next try; ``draw`` from 0 to 1 spreads those of many workers.

    >>> [backoff_s(n, 1.0) for n in (1, 2, 3, 10)], backoff_s(1, 0.0)
    ([0.5, 1.0, 2.0, 15.0], 0.25)
    """
    return min(_BACKOFF_AT_MOST_S, 0.5 * 2.0 ** min(failures - 1, 10)) * (0.5 + draw / 2)


@dataclass
class Entry:
    """One alert or message for the receiver. ``key`` tells it from others of its partition."""

    partition: int
    key: str
    alert: HeldAlert
    taken_ms: int | None = None  # of a resolve: when the receiver first took it
    number: int | None = None  # of a message
    due_at: float = 0.0
    refused: bool = False
    failures: int = 0

    def is_as(self, other: "Entry") -> bool:
        """Whether both tell the same."""
        return self.alert == other.alert and self.number == other.number


class Mailbox:
    """See the module's text. ``entries`` says what a partition's book has for the receiver."""

    def __init__(self, receiver: str, resend_s: float, entries: Callable[[int, AlertBook], Iterable[Entry]]) -> None:
        self.receiver = receiver
        self._resend_s, self._entries_of = resend_s, entries
        self._entries: dict[int, dict[str, Entry]] = {}
        #: Whether the last batch was one that had been refused.
        self._alone = False

    def put(self, partition: int, book: AlertBook) -> None:
        """The book of a partition as it was committed; one that does not know the present tells nothing."""
        if not book.current:
            return
        before, now = self._entries.get(partition, {}), {}
        for entry in self._entries_of(partition, book):
            known = before.get(entry.key)
            if known is not None and known.is_as(entry):
                known.taken_ms = entry.taken_ms or known.taken_ms
                entry = known
            now[entry.key] = entry
        self._entries[partition] = now

    def forget(self, partition: int) -> None:
        """Whoever has the partition now tells its alerts."""
        self._entries.pop(partition, None)

    def partitions_due(self, steady: float) -> set[int]:
        """The partitions of which something is due."""
        return {
            partition for partition, entries in self._entries.items() if any(entry.due_at <= steady for entry in entries.values())
        }

    def batch(self, steady: float, partitions: Iterable[int], most: int = BATCH) -> list[Entry]:
        """At most so many of what is due of these partitions, the longest due; what was refused before goes alone."""
        due = [entry for at in partitions for entry in self._entries.get(at, {}).values() if entry.due_at <= steady]
        if not due:
            return []
        longest, fresh = min(due, key=_due_at), [entry for entry in due if not entry.refused]
        self._alone = longest.refused and not (self._alone and fresh)
        if self._alone:
            return [longest]
        return fresh if len(fresh) <= most else nsmallest(most, fresh, key=_due_at)

    def next_due(self) -> float | None:
        """When the next is due, by the steady clock; None where there is nothing to tell."""
        return min((entry.due_at for entries in self._entries.values() for entry in entries.values()), default=None)

    def done(self, batch: Sequence[Entry], now_ms: int, steady: float, *, taken: bool) -> list[tuple[int, Receipt]]:
        """The receiver has taken the batch, or refused it for what it is; the receipts, with the partitions that they are for."""
        receipts = []
        for entry in batch:
            entry.refused, entry.failures = not taken, 0
            entry.due_at = steady + self._resend_s
            if (receipt := self._receipt(entry, now_ms, taken=taken)) is not None:
                receipts.append((entry.partition, receipt))
        return receipts

    def failed(self, batch: Sequence[Entry], steady: float) -> None:
        """The receiver took nothing. A message that failed often is put off, so that those behind it are tried too."""
        for entry in batch:
            entry.failures += 1
            if entry.number is not None and entry.failures >= _TRIES_IN_A_ROW:
                entry.due_at = steady + self._resend_s

    def _receipt(self, entry: Entry, now_ms: int, *, taken: bool) -> Receipt | None:
        if entry.number is not None:
            return Receipt(self.receiver, number=entry.number) if taken else None
        if entry.alert.ended_ms is None:
            return None
        first = entry.taken_ms is None
        entry.taken_ms = entry.taken_ms or now_ms
        over = now_ms - entry.taken_ms >= RESOLVE_HELD_MS
        if not first and not over:
            return None
        return Receipt(self.receiver, entry.alert.fingerprint, entry.alert.ended_ms, entry.taken_ms, over)


def state_mailbox(receiver: str, resend_s: float) -> Mailbox:
    """For a receiver that is told the last state of each alert."""

    def entries(partition: int, book: AlertBook) -> Iterable[Entry]:
        for alert, taken_ms in book.states_for(receiver):
            yield Entry(partition, alert.fingerprint, alert, taken_ms)

    return Mailbox(receiver, resend_s, entries)


def message_mailbox(receiver: str, resend_s: float) -> Mailbox:
    """For a receiver that is told each change once."""

    def entry(partition: int, message: Message) -> Entry:
        return Entry(partition, str(message.number), message.alert, number=message.number)

    return Mailbox(receiver, resend_s, lambda at, book: (entry(at, message) for message in book.messages_for(receiver)))
