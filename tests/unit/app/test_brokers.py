"""What is told of brokers that cannot be reached; and that aiokafka's clients connect by the function that is replaced."""

from __future__ import annotations

import inspect

import aiokafka.client
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError

from app.dev.ports import HOST, free_ports
from app.folds import brokers
from app.folds.brokers import Brokers


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Line:
    """A connection."""

    def __init__(self) -> None:
        self.open = True

    def connected(self) -> bool:
        return self.open


def test_no_broker_at_all_is_told_after_a_while_with_its_first_failure_and_last_reason() -> None:
    clock, line = Clock(), Line()
    known = Brokers(clock)
    assert known.trouble() == ""
    known.reached("a:1", line)
    line.open = False
    known.failed("a:1", OSError("refused"))
    clock.seconds = 4.0
    known.failed("a:1", RuntimeError("wrong password"))
    assert known.trouble() == ""
    clock.seconds = 7.0
    assert known.trouble() == "no broker can be reached for 7 s: a:1: wrong password"
    known.reached("a:1", Line())
    assert known.trouble() == ""


def test_one_connection_is_enough_and_an_address_that_is_not_used_any_more_is_none() -> None:
    clock, first, line = Clock(), Line(), Line()
    known = Brokers(clock)
    known.reached("bootstrap:1", first)
    first.open = False
    known.reached("b:2", line)
    known.failed("a:1", OSError("refused"))
    clock.seconds = 60.0
    assert known.trouble() == ""
    line.open = False
    known.failed("b:2", TimeoutError())
    clock.seconds = 70.0
    assert known.trouble() == "no broker can be reached for 10 s: a:1: refused; b:2: TimeoutError"


async def test_every_client_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiokafka.client, "create_conn", create_conn)  # put back at the end
    clock = Clock()
    monkeypatch.setattr(brokers, "BROKERS", Brokers(clock))
    brokers.install()
    [port] = free_ports(1)
    consumer = AIOKafkaConsumer(bootstrap_servers=f"{HOST}:{port}")
    with pytest.raises(KafkaConnectionError):
        await consumer.start()
    await consumer.stop()
    clock.seconds = 9.0
    assert f"{HOST}:{port}: [Errno 111]" in brokers.BROKERS.trouble()


def test_aiokafka_connects_by_it() -> None:
    for method in (AIOKafkaClient.bootstrap, AIOKafkaClient._get_conn):
        assert "await create_conn(" in inspect.getsource(method)
    assert list(inspect.signature(create_conn).parameters)[:2] == ["host", "port"]
