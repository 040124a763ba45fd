"""The proxy that reads frames, between a client and a broker that write them by hand."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from app.dev.ports import HOST, free_ports
from tests.faults.frames import ADD_OFFSETS, END, INIT_PRODUCER_ID, FramedProxy, Request, frames, parsed
from tests.integration.harness import eventually

PRODUCE, FENCED, OK = 0, 47, 0


def request(kind: int, correlation: int, transactional_id: str = "gnomon-pair-1") -> bytes:
    name, own = b"aiokafka", transactional_id.encode()
    return struct.pack(f">hhih{len(name)}sh{len(own)}s", kind, 0, correlation, len(name), name, len(own), own)


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


class Broker:
    """Answers each request, an end with ``FENCED``; knows what came in which order."""

    def __init__(self) -> None:
        self.came: list[tuple[int, int]] = []
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            for frame in frames(connection):
                kind, _, correlation = struct.unpack_from(">hhi", frame)
                self.came.append((kind, correlation))
                connection.sendall(framed(struct.pack(">iih", correlation, 0, FENCED if kind == END else OK)))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Client:
    """One connection through the proxy."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=10)
        self._answers = frames(self._socket)

    def send(self, kind: int, correlation: int, transactional_id: str = "gnomon-pair-1") -> None:
        self._socket.sendall(framed(request(kind, correlation, transactional_id)))

    def ask(self, kind: int, correlation: int, transactional_id: str = "gnomon-pair-1") -> tuple[int, int]:
        self.send(kind, correlation, transactional_id)
        answered, _, error = struct.unpack(">iih", next(self._answers))
        return answered, error

    def hears_nothing(self) -> bool:
        self._socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            self._socket.recv(1)
        return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[FramedProxy]:
    proxy = FramedProxy(free_ports(1)[0], broker.port)
    yield proxy
    proxy.close()


@pytest.fixture
def clients(proxy: FramedProxy) -> Iterator[tuple[Client, Client]]:
    both = Client(proxy.port), Client(proxy.port)
    yield both
    for client in both:
        client.close()


def test_a_request_about_a_transaction_is_read_and_no_other() -> None:
    assert parsed(request(END, 7, "gnomon-pair-3")) == Request(END, 7, "gnomon-pair-3")
    assert parsed(request(PRODUCE, 8)) is None


def test_a_version_that_is_written_otherwise_is_refused_by_name() -> None:
    frame = bytearray(request(END, 7))
    frame[2:4] = struct.pack(">h", 3)
    with pytest.raises(ValueError, match="request 26 came in version 3; known are those below 3"):
        parsed(bytes(frame))


def test_what_is_not_ordered_goes_through(broker: Broker, clients: tuple[Client, Client]) -> None:
    assert clients[0].ask(PRODUCE, 1) == (1, OK)
    assert clients[0].ask(END, 2) == (2, FENCED)


def test_a_held_end_is_delivered_into_the_next_transaction_of_its_producer(
    broker: Broker, proxy: FramedProxy, clients: tuple[Client, Client]
) -> None:
    early, anew = clients
    proxy.hold.set()
    early.send(END, 1)
    eventually(lambda: proxy.held, 10)
    assert early.hears_nothing()
    assert anew.ask(ADD_OFFSETS, 2) == (2, OK)  # it has not begun anew yet
    assert anew.ask(INIT_PRODUCER_ID, 3, "gnomon-pair-2") == (3, OK)  # that is somebody else
    assert anew.ask(INIT_PRODUCER_ID, 4) == (4, OK)
    assert not proxy.held[0].delivered.is_set()
    assert anew.ask(ADD_OFFSETS, 5) == (5, OK)
    assert proxy.held[0].answer == FENCED
    late = [(INIT_PRODUCER_ID, 4), (END, 1), (ADD_OFFSETS, 5)]
    assert broker.came == [(ADD_OFFSETS, 2), (INIT_PRODUCER_ID, 3), *late]
    assert anew.ask(END, 6) == (6, FENCED)  # one was ordered


def test_a_swallowed_answer_is_that_of_one_end(broker: Broker, proxy: FramedProxy, clients: tuple[Client, Client]) -> None:
    proxy.swallow.set()
    assert clients[0].ask(PRODUCE, 1) == (1, OK)
    clients[0].send(END, 2)
    eventually(lambda: proxy.swallowed, 10)
    assert clients[0].hears_nothing()
    assert broker.came == [(PRODUCE, 1), (END, 2)]
    assert proxy.swallowed == [f"error {FENCED}"]
    assert clients[1].ask(END, 2) == (2, FENCED)
