"""What the committed logs of a seed must say, whatever the role.

Nothing of the service is used but its wire formats. Of each partition the committed transactions are taken one after another, in
the order of the log (`Account`): checkpoints are numbered without a gap, and their positions never go back. What a role wrote
is looked at by the role's own account (`pair_account`, `count_fold`). At the end (`check_end`): nothing is left open, no output
lies in a transaction without a checkpoint, the group's offsets never went back, and a `read_committed` reader that followed the
logs throughout has seen what is there now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tests.simulation.broker import Broker, Transaction
from tests.simulation.logs import Entry, OutputLog
from tests.simulation.workload import TOPICS

__all__ = ["CHECKPOINTS", "Account", "Checkpoint", "Violation", "check_end", "claim", "header"]

CHECKPOINTS = "checkpoints"


class Violation(AssertionError):  # noqa: N818  it is what was looked for
    """The claim does not hold."""


class Checkpoint(Struct):
    """Of a checkpoint's record what is looked at."""

    sequence: int
    next: list[int]
    low: list[int]
    state: Raw


_checkpoint = msgspec.json.Decoder(Checkpoint).decode


def claim(holds: object, message: str) -> None:
    """Say what is wrong, where it is not so."""
    if not holds:
        raise Violation(message)


def header(entry: Entry, name: str) -> str:
    """The header of this name."""
    return next(value for key, value in entry.headers if key == name).decode()


class Account:
    """What the committed transactions of one partition have written so far."""

    def __init__(self, broker: Broker, partition: int, plan: Any) -> None:
        self.partition, self.plan = partition, plan
        self.inputs = [broker.inputs[topic, partition] for topic in TOPICS]
        self.next = [log.begin for log in self.inputs]
        self.transactions: list[Transaction] = []
        self._sequence = 0

    def take(self, entry: Entry) -> None:
        """The next record of the checkpoints' log: where it is a checkpoint, its whole transaction."""
        if entry.key != b"%d" % self.partition:
            return
        self.transactions.append(entry.transaction)
        for topic, output in entry.transaction.entries:
            if topic != CHECKPOINTS:
                self.take_output(topic, output)
        checkpoint = _checkpoint(entry.value or b"")
        where = f"checkpoint {checkpoint.sequence} of partition {self.partition}"
        claim(checkpoint.sequence == self._sequence + 1, f"{where} comes after number {self._sequence}")
        claim(all(map(int.__ge__, checkpoint.next, self.next)), f"{where}: from {self.next} back to {checkpoint.next}")
        self._sequence, self.next = checkpoint.sequence, checkpoint.next
        self.check(where, bytes(checkpoint.state))

    def read(self) -> list[int]:
        """How many records of each input lie below the newest positions."""
        return [log.below(at) for log, at in zip(self.inputs, self.next, strict=True)]

    @property
    def finished(self) -> bool:
        """Whether all there is was read, and nothing waits to be written."""
        return self.next == [log.end for log in self.inputs] and not self.waits()

    def take_output(self, topic: str, entry: Entry) -> None:
        """One output of a committed transaction."""
        raise NotImplementedError

    def check(self, where: str, state: bytes) -> None:
        """The state in the newest checkpoint beside what was written up to there."""
        raise NotImplementedError

    def waits(self) -> bool:
        """Whether more will be written without more to read."""
        raise NotImplementedError

    def check_end(self) -> None:
        """All was read, and nothing waits."""
        raise NotImplementedError


def check_end(broker: Broker, accounts: Sequence[Account], seen: dict[OutputLog, list[Entry]]) -> None:
    """What holds for the brokers as a whole; ``seen``: what a reader was shown meanwhile."""
    claim(not broker.hanging, f"transactions that do not end: {broker.hanging}")
    for place, offsets in broker.group_offsets.items():
        claim(offsets == sorted(offsets), f"the group's offsets of {place} went back: {offsets}")
    known = {transaction for account in accounts for transaction in account.transactions}
    for log in broker.outputs.values():
        now = log.read(0, committed=True)[0]
        before = seen.get(log, [])
        claim(now[: len(before)] == before, f"{log.topic}-{log.partition}: what a reader saw has changed")
        torn = [entry.offset for entry in now if entry.transaction not in known]
        claim(not torn, f"{log.topic}-{log.partition}: outputs at {torn} whose checkpoint is in another transaction")
