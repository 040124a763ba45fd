"""The port between a role's decisions and the runner that gives them Kafka.

A **fold** is the state of one assigned partition of one role: a pure function of its input logs up to an offset, and of
what its own checkpoint says of the wall clock. It does no input or output, reads no clock, and draws no random number. It
is fed *runs* of records and writes to an *outbox*; the runner does the rest (``app.folds.shard``):

1. ``restore`` is called once, with what the last committed transaction saved, or with nothing;
2. the records between ``low`` and ``next`` are fed to it in silence: its outbox then throws away what it gets;
3. ``rebuilt`` says that from now on outputs count;
4. then ``feed`` and ``idle`` as things happen, and ``save`` at each commit.

All partitions and roles of a worker share one event loop. So a fold that takes long over a run does it in *steps* of a few
milliseconds, between which commits and requests go on. Until the last of them is done, no other run is fed and nothing is saved.

Delivery guarantees: outputs, ``save``, positions and group offsets of an interval are one Kafka transaction. After a crash
a fold is restored from the last one that was committed, so what it wrote since is neither seen nor missing. What a fold
does must therefore be the same on a replay, however the log is cut into runs and however the runs of several inputs
alternate; where it cannot be (a silent topic), the decision is in ``save``.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from schemas.record import SourceRecord as Record

__all__ = ["Fold", "Headers", "LogAnswer", "LogQuery", "Outbox", "Record", "Run", "Silent", "Steps", "at_once"]

Headers = list[tuple[str, bytes]]
#: Work that is still to be done; each ``next`` does a part of a few milliseconds.
Steps = Iterator[None]


class Run(list[Record]):
    """Records of one partition, and the stretch of the log ``[start, end)`` that they are all of.

    Offsets have holes (transaction markers, aborted records, compaction), so the stretch says more than the records do: a
    run that begins where the one before it ended follows it without a gap. A run may be empty and still move a position.
    """

    __slots__ = ("end", "start")
    start: int
    end: int

    def __bool__(self) -> bool:
        """Whether the run moves the position, records or not."""
        return self.end > self.start


def at_once(steps: Steps | None) -> None:
    """Do all of them, where nobody has to be let on."""
    for _ in steps or ():
        pass


class Outbox(Protocol):
    """Where a fold's outputs go: into the transaction of the present commit interval."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Append one record. ``topic`` is the contract's name, without the prefix."""


class Silent:
    """The outbox of a rebuild."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Throw the record away: the run that wrote it has committed it."""


class LogQuery(NamedTuple):
    """A question that only the log can answer: the records of ``key`` in ``[start, end)`` of one partition of ``topic``."""

    topic: str
    partition: int
    start: int
    end: int
    key: bytes


class LogAnswer(NamedTuple):
    """How many records; SHA-256 (``sha256:…``) of their ``ce_id``s, joined by newlines; whether ``start`` was still there."""

    events: int
    digest: str
    complete: bool


class Fold(Protocol):
    """See the module's text. ``side`` is the index of an input topic, in the order in which the role names them.

    A role derives from this class, must say how it is restored, fed and saved and what its figures are, and changes of the rest
    what is otherwise with it.
    """

    #: Whether ``snapshot`` gives the whole state. The runner then takes one now and again and replays from there;
    #: otherwise it replays from ``low``.
    snapshots: bool = False

    @abstractmethod
    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin. ``saved`` and ``snapshot`` are what these methods returned, None at the very first start.

        ``position`` has the offset from which each side will be fed, the log's beginning at the very first start.
        """

    @abstractmethod
    def feed(self, side: int, run: Run, out: Outbox) -> int | Steps | None:
        """Fold in one run of one side; how many of its records were taken, None for all.

        What was not taken is fed again, when something of another side has been. A fold that takes all, and needs long for it,
        may return what is still to be done as an iterator of short steps.
        """

    @abstractmethod
    def save(self) -> bytes:
        """The small part of the state that the log cannot give back, as a JSON object; called at each commit."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """Numbers for ``/metrics``, by name; the names are a closed set."""

    def rebuilt(self) -> None:
        """All up to the checkpoint has been fed."""
        return

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Let wall time pass; whether that changed anything.

        ``idle_ms`` says for each side for how long the broker has been answering that there is nothing more, None while
        there is more to read.
        """
        return False

    def wants(self, side: int) -> bool:
        """Whether the fold takes more of this side now; what it does not want stays in the broker."""
        return True

    def pause_s(self, side: int) -> float:
        """Asked after each run that was taken live: for so many seconds nothing more of this side is to be fed; 0 for none.

        What a pause holds back stays in the log: it may change when things happen, never what happens.
        """
        return 0.0

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Be told before each run of which sides all has been read (in a rebuild: up to the checkpoint).

        ``answered_ms`` is when the broker last answered, by a clock that nobody sets, and that stands while this process does.
        """
        return

    def low(self) -> Sequence[int] | None:
        """Where a rebuild has to begin to read each side; None: at the position itself, ``save`` has it all."""
        return None

    def replays(self) -> bool:
        """Whether the log between ``low`` and the position is indispensable: the runner then refuses to start without it."""
        return False

    def snapshot(self) -> bytes | None:
        """The whole state, where ``snapshots`` is true."""
        return None

    def questions(self) -> Sequence[LogQuery]:
        """What the fold has to know of the log before it can go on with something it decided; asked until answered."""
        return ()

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        """Take the answer to one of the questions."""
        return
