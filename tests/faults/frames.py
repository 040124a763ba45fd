"""A proxy that reads as much of Kafka's frames as it needs to do harm to the end of a transaction.

A frame is a length of four bytes, then the number of the request's kind, its version, a correlation id and the client's name; in
the requests about transactions the transactional id comes next. Two things can be ordered, each for the next `EndTxn`:

- *Held.* It is not passed on, and nothing after it on that connection, as on a network that delays a packet. When the producer of
  that transactional id has begun anew (`InitProducerId`) and its next transaction has partitions in it, the held request is
  delivered, on a connection of its own, and the broker's answer to it is noted.
- *Unanswered.* It is passed on and carried out; its answer, and all that would follow on that connection, is swallowed.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from app.dev.ports import HOST
from tests.faults.proxy import Connection, Proxy

INIT_PRODUCER_ID, ADD_OFFSETS, END = 22, 25, 26
#: From this version on the frame is written otherwise; aiokafka asks for 0.
FLEXIBLE = {INIT_PRODUCER_ID: 2, ADD_OFFSETS: 3, END: 3}
#: The broker's answers to an end that comes too late: the epoch is an older one.
FENCED = {47: "INVALID_PRODUCER_EPOCH", 90: "PRODUCER_FENCED"}


class Request(NamedTuple):
    """What is needed of one."""

    kind: int
    correlation: int
    transactional_id: str


def parsed(frame: bytes) -> Request | None:
    """``frame`` is without its length; None for what is not about the begin or the end of a transaction."""
    kind, version, correlation, name = struct.unpack_from(">hhih", frame)
    if kind not in FLEXIBLE:
        return None
    if version >= FLEXIBLE[kind]:
        raise ValueError(f"request {kind} came in version {version}; known are those below {FLEXIBLE[kind]}")
    at = 10 + max(name, 0)
    (size,) = struct.unpack_from(">h", frame, at)
    return Request(kind, correlation, frame[at + 2 : at + 2 + max(size, 0)].decode())


def frames(source: socket.socket) -> Iterator[bytes]:
    """One after the other, each without its length, until the connection ends."""
    with source.makefile("rb") as file:
        while len(head := file.read(4)) == 4:
            size = struct.unpack(">i", head)[0]
            if len(body := file.read(size)) < size:
                return
            yield body


def _framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


@dataclass
class Held:
    """An `EndTxn` that waits, and what became of it."""

    transactional_id: str
    frame: bytes
    begun_anew: bool = False
    answer: int | None = None
    delivered: threading.Event = field(default_factory=threading.Event)


class FramedProxy(Proxy):
    """See the module's text. ``hold`` and ``swallow`` are for the next `EndTxn`; ``held`` and ``swallowed`` tell whose it was."""

    def __init__(self, port: int, target: int) -> None:
        self.hold, self.swallow = threading.Event(), threading.Event()
        self.held: list[Held] = []
        self.swallowed: list[str] = []
        self._unanswered: dict[Connection, int] = {}
        self._order = threading.Lock()
        super().__init__(port, target)

    def _pump(self, source: socket.socket, sink: socket.socket, gate: threading.Event, pair: Connection) -> None:
        with suppress(OSError):
            for frame in frames(source):
                gate.wait()
                if not (self._request(frame, pair) if source is pair[0] else self._answer(frame, pair)):
                    while source.recv(65_536):  # a black hole, until the client gives up
                        pass
                    break
                sink.sendall(_framed(frame))
        self._cut(pair)

    def _request(self, frame: bytes, pair: Connection) -> bool:
        """Whether to pass it on."""
        request = parsed(frame)
        if request is None:
            return True
        waiting = [each for each in self.held if each.transactional_id == request.transactional_id and each.answer is None]
        for held in waiting:
            held.begun_anew |= request.kind == INIT_PRODUCER_ID
            if held.begun_anew and request.kind == ADD_OFFSETS:  # its partitions are in by now
                held.answer = self._deliver(held.frame)
                held.delivered.set()
        with self._order:
            if request.kind == END and self.hold.is_set():
                self.hold.clear()
                self.held.append(Held(request.transactional_id, frame))
                return False
            if request.kind == END and self.swallow.is_set():
                self.swallow.clear()
                self._unanswered[pair] = request.correlation
        return True

    def _answer(self, frame: bytes, pair: Connection) -> bool:
        if self._unanswered.get(pair) != struct.unpack_from(">i", frame)[0]:
            return True
        (error,) = struct.unpack_from(">h", frame, 8)  # the correlation id and the throttle time go before it
        self.swallowed.append(f"error {error}")
        return False

    def _deliver(self, frame: bytes) -> int:
        """On a connection of its own; the error code of the answer."""
        with socket.create_connection((HOST, self._target), timeout=30) as broker:
            broker.sendall(_framed(frame))
            answer = next(frames(broker))
        return int(struct.unpack_from(">h", answer, 8)[0])
