"""What one partition still has to tell: the alerts that fire, the resolves that are owed, the messages that wait.

There are two kinds of receivers. One that keeps a **state** (Alertmanager) is told the last state of each alert, again and
again: a firing one as long as it fires, a resolved one until it has taken it and for a while after, since it may lose what it
took before it acts on it. One that passes on **messages** (a chat) is told each change of state once. Who has taken what comes
as receipts; the whole book is saved with each commit.

*Delivery guarantees.* At least once for each receiver, by itself: what one has not taken is owed to it whatever the others
did. A receipt speaks of one resolve or message of one receiver; given twice, or after the alert has fired again, it
changes nothing. A crash forgets at most what was taken since the last commit, and that is told again.

*History.* Nothing is told before all has been read: what fired an hour ago may be over in the next record. When the role first
begins, what the log holds is history: of it, only what still fires is told.

*Bounds.* ``Bounds`` of each kind. A firing alert beyond them is not taken, of resolves and messages the oldest go; all are
counted in ``refused``.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.domain.delivery.held_alert import HeldAlert

__all__ = ["BOUNDS", "AlertBook", "Bounds", "Message", "Receipt", "Receivers", "Resolve"]


class Bounds(NamedTuple):
    """How much of each a partition keeps. The role ``decide`` has at most 1,000 alerts of a partition fire."""

    firing: int = 2_000
    resolves: int = 2_000
    messages: int = 1_000


BOUNDS = Bounds()


class Receivers(NamedTuple):
    """The ids of those that are configured: who keeps a state, and who passes messages on."""

    states: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


class Receipt(NamedTuple):
    """That ``receiver`` has taken something.

    Of a resolve: ``fingerprint`` and ``ended_ms`` say which, ``taken_ms`` when it first took it (ms since the epoch), ``over``
    that it need not be told again. Of a message: ``number`` says which.
    """

    receiver: str
    fingerprint: str = ""
    ended_ms: int = 0
    taken_ms: int = 0
    over: bool = False
    number: int | None = None


class Resolve(Struct):
    """``owed``: by receiver, when it first took it (ms since the epoch), None: not yet."""

    alert: HeldAlert
    owed: dict[str, int | None]


class Message(Struct):
    """One change of state, and the receivers that have not taken it. ``number`` is its record's offset."""

    alert: HeldAlert
    number: int
    owed: list[str]


class AlertBook(Struct):
    """See the module's text. ``known``: the receivers when it was saved; ``refused``: how often a bound refused.

    ``begun``: all has been read once, so that history is over; ``current``: it has since the shard was opened.
    """

    firing: dict[str, HeldAlert] = {}
    resolves: dict[str, Resolve] = {}
    messages: dict[int, Message] = {}
    known: list[str] = []
    refused: int = 0
    unreadable: int = 0
    begun: bool = False
    current: bool = False

    @classmethod
    def load(cls, saved: bytes) -> "AlertBook":
        """What ``dump`` gave."""
        return _decode(saved)

    def dump(self) -> bytes:
        """The whole book as JSON."""
        return _encode(self)

    def meet(self, receivers: Receivers) -> None:
        """Owe nothing to those that are no longer configured, and all resolves to those that are new."""
        new: dict[str, int | None] = {receiver: None for receiver in receivers.states if receiver not in self.known}
        for fingerprint, resolve in list(self.resolves.items()):
            resolve.owed = {at: taken for at, taken in resolve.owed.items() if at in receivers.states} | new
            if not resolve.owed:
                del self.resolves[fingerprint]
        for number, message in list(self.messages.items()):
            message.owed = [receiver for receiver in message.owed if receiver in receivers.messages]
            if not message.owed:
                del self.messages[number]
        self.known = list(receivers.states)

    def catch_up(self) -> bool:
        """All has been read; whether that is news."""
        news, self.begun, self.current = not self.current, True, True
        return news

    def take(self, alert: HeldAlert, number: int, receivers: Receivers, bounds: Bounds) -> None:
        """One record of ``alerts``; ``number`` is its offset."""
        alert = self._since_it_fired(alert)
        self.resolves.pop(alert.fingerprint, None)
        if alert.status == "resolved":
            self.firing.pop(alert.fingerprint, None)
            self._owe_resolve(alert, receivers, bounds)
        elif alert.fingerprint in self.firing or len(self.firing) < bounds.firing:
            self.firing[alert.fingerprint] = alert
        else:
            self.refused += 1
        self._owe_message(alert, number, receivers, bounds)

    def _owe_resolve(self, alert: HeldAlert, receivers: Receivers, bounds: Bounds) -> None:
        if receivers.states and self.begun:
            self.resolves[alert.fingerprint] = Resolve(alert, dict.fromkeys(receivers.states))
            self._drop_oldest(self.resolves, bounds.resolves)

    def _owe_message(self, alert: HeldAlert, number: int, receivers: Receivers, bounds: Bounds) -> None:
        if not receivers.messages:
            return
        if not self.begun:
            for told in [each for each, message in self.messages.items() if message.alert.fingerprint == alert.fingerprint]:
                del self.messages[told]
        if self.begun or alert.status == "firing":
            self.messages[number] = Message(alert, number, list(receivers.messages))
            self._drop_oldest(self.messages, bounds.messages)

    def _since_it_fired(self, alert: HeldAlert) -> HeldAlert:
        """Told again, or resolved, it began when it was told first."""
        before = self.firing.get(alert.fingerprint)
        return alert if before is None else msgspec.structs.replace(alert, fired_ms=before.fired_ms)

    def _drop_oldest(self, kept: dict[str, Resolve] | dict[int, Message], bound: int) -> None:
        while len(kept) > bound:
            del kept[next(iter(kept))]  # type: ignore[arg-type]  # its own key
            self.refused += 1

    def note(self, receipts: Iterable[Receipt]) -> None:
        """Take what receivers have taken off the list of what they are owed."""
        for receipt in receipts:
            if receipt.number is not None:
                self._note_message(receipt.receiver, receipt.number)
            else:
                self._note_resolve(receipt)

    def _note_message(self, receiver: str, number: int) -> None:
        message = self.messages.get(number)
        if message is not None and receiver in message.owed:
            message.owed.remove(receiver)
            if not message.owed:
                del self.messages[number]

    def _note_resolve(self, receipt: Receipt) -> None:
        resolve = self.resolves.get(receipt.fingerprint)
        if resolve is None or resolve.alert.ended_ms != receipt.ended_ms or receipt.receiver not in resolve.owed:
            return
        if not receipt.over:
            resolve.owed[receipt.receiver] = resolve.owed[receipt.receiver] or receipt.taken_ms
            return
        del resolve.owed[receipt.receiver]
        if not resolve.owed:
            del self.resolves[receipt.fingerprint]

    def states_for(self, receiver: str) -> list[tuple[HeldAlert, int | None]]:
        """Each alert that a receiver has to be told, and of a resolve, when it first took it."""
        owed = [(one.alert, one.owed[receiver]) for one in self.resolves.values() if receiver in one.owed]
        return [(alert, None) for alert in self.firing.values()] + owed

    def messages_for(self, receiver: str) -> Sequence[Message]:
        """The messages that a receiver has not taken, the oldest first."""
        return [message for message in self.messages.values() if receiver in message.owed]

    def figures(self) -> dict[str, float]:
        """What stands in it now, and what was refused."""
        waiting = sum(None in resolve.owed.values() for resolve in self.resolves.values())
        return {
            "alerts_firing": len(self.firing),
            "resolves_waiting": waiting,
            "messages_waiting": len(self.messages),
            "refused_total": self.refused,
            "unreadable_records_total": self.unreadable,
        }


_decode = msgspec.json.Decoder(AlertBook).decode
_encode = msgspec.json.Encoder().encode
