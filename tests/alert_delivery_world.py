"""A log of alerts, a worker of the role `notify` on it, and receivers that come and go, on one clock that a test moves."""

from __future__ import annotations

from msgspec import UNSET

from agents.notify import NotifyFold
from app.domain.delivery.alert_book import AlertBook, Receipt, Receivers
from app.domain.delivery.mailbox import RESOLVE_HELD_MS, Entry, Mailbox, message_mailbox, state_mailbox
from app.folds.fold import Silent
from schemas.alert import Alert, AlertStatus
from schemas.envelope import parse_time
from schemas.events import alert_event
from tests.decide_builders import LogRecord, as_run

__all__ = ["RECEIVERS", "RESEND_S", "Alertmanager", "World", "record"]

RECEIVERS = Receivers(states=("am-1", "am-2"), messages=("chat",))
RESEND_S = 60.0
STEP_S = 20


def record(offset: int, name: str, status: AlertStatus, at_ms: int) -> LogRecord:
    labels = {"alertname": name, "model": "credit"}
    made = Alert(
        labels=labels, annotations={"summary": name}, starts_at="2013-01-01T00:00:00Z", generator_url="", status=status,
        ends_at="2013-01-01T00:01:00Z" if status == "resolved" else UNSET, fingerprint=name, evidence={},
    )  # fmt: skip
    return LogRecord(offset, at_ms, *alert_event(f"{name}/{offset}", made, at=at_ms, caused_by=""))


class Alertmanager:
    """Until when (s) each alert fires, as far as this one was told; 0 where it was told that it is over."""

    def __init__(self) -> None:
        self.up, self.refuses = True, ""
        self.until: dict[str, float] = {}
        self.refused: set[str] = set()

    def fires(self, now_s: float) -> set[str]:
        """A resolve that it refuses for long is given up, since it then ends the alert by itself; of all others it is told."""
        return {name for name, until in self.until.items() if until > (now_s if name in self.refused else 0)}


class World:
    """A log, a worker on it, and the receivers. ``now_s`` is every clock."""

    def __init__(self) -> None:
        self.now_s = 1_000_000
        self.log: list[LogRecord] = []
        self.told: set[int | None] = set()
        self.managers = {name: Alertmanager() for name in RECEIVERS.states}
        self.chat_up = True
        self.saved: tuple[bytes | None, int] = (None, 0)
        self.start()

    def start(self) -> None:
        """A worker, from what was committed; at the very first start there is no history."""
        self.receipts: list[Receipt] = []
        self.fold = NotifyFold(0, RECEIVERS, lambda _: self.take_receipts())
        saved, self.position = self.saved
        self.fold.restore(saved, None, [self.position])
        self.fold.rebuilt()
        self.boxes: list[Mailbox] = [state_mailbox(name, RESEND_S) for name in RECEIVERS.states] + [
            message_mailbox("chat", RESEND_S)
        ]
        self.read_all = False

    def take_receipts(self) -> list[Receipt]:
        taken, self.receipts = self.receipts, []
        return taken

    def say(self, name: str, status: AlertStatus) -> None:
        self.log.append(record(len(self.log), name, status, self.now_s * 1000))

    def read(self, most: int) -> None:
        run = self.log[self.position : self.position + most]
        if run:
            self.fold.feed(0, as_run(run, self.position, self.position + len(run)), Silent())
            self.position += len(run)

    def commit(self) -> None:
        self.fold.sees_ends([self.position == len(self.log)], 0)
        self.fold.idle([0], Silent())
        self.saved = self.fold.save(), self.position
        for box in self.boxes:
            box.put(0, AlertBook.load(self.fold.save()))

    def deliver(self) -> None:
        for box in self.boxes:
            for _ in range(100):
                batch = box.batch(self.now_s, box.partitions_due(self.now_s), 1 if box.receiver == "chat" else 3)
                if not batch or not self.hand_over(box, batch):
                    break

    def hand_over(self, box: Mailbox, batch: list[Entry]) -> bool:
        manager = self.managers.get(box.receiver)
        if not (manager.up if manager else self.chat_up):
            box.failed(batch, self.now_s)
            return False
        for entry in batch:
            alert, taken = entry.alert, True
            if manager is None:
                self.told.add(entry.number)
            elif alert.fingerprint == manager.refuses:
                taken = False
                manager.refused.add(alert.fingerprint)
            else:
                posted = alert.as_posted(self.now_s * 1000, int(RESEND_S * 1000))
                ends = parse_time(posted["endsAt"], "endsAt") / 1000
                manager.until[alert.fingerprint] = ends if alert.status == "firing" else 0
            self.receipts += [receipt for _, receipt in box.done([entry], self.now_s * 1000, self.now_s, taken=taken)]
        return True

    def calm(self) -> None:
        """Everybody is there and all is read, for longer than a resolve is told again."""
        self.chat_up = True
        for manager in self.managers.values():
            manager.up, manager.refuses = True, ""
        for _ in range(RESOLVE_HELD_MS // 1000 // STEP_S + 10):
            self.now_s += STEP_S
            self.read(1_000)
            self.commit()
            self.deliver()
        self.commit()
