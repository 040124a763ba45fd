"""The simulated brokers keep to Kafka's protocol: without that, what the seeds prove would be worth nothing."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka.errors import ConcurrentTransactions, InvalidProducerEpoch, InvalidTxnState

from tests.simulation.broker import Broker
from tests.simulation.logs import Entry, OutputLog
from tests.simulation.loop import new_loop

TIMEOUT_S = 5.0


class Bench:
    """A broker, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.loop = new_loop(Random(1))
        self.broker = Broker(self.loop, Random(1), {}, TIMEOUT_S)
        self.log: OutputLog = self.broker.log("out", 0)

    def produce(self, epoch: int, number: int, value: bytes, log: OutputLog | None = None) -> None:
        self.broker.produce("id", epoch, log or self.log, number, [Entry(None, value, [], None)])

    def wait(self, seconds: float = 0.1) -> None:
        self.loop.outside(seconds, lambda: None)
        self.loop.run(self.loop.time() + seconds)

    def committed(self) -> list[bytes | None]:
        return [entry.value for entry in self.log.read(0, committed=True)[0]]

    def init(self) -> int:
        while True:
            try:
                return self.broker.init("id")
            except ConcurrentTransactions:
                self.wait()


def test_an_open_transaction_hides_what_comes_after_it() -> None:
    bench = Bench()
    epoch = bench.init()
    other = bench.broker.init("other")
    bench.produce(epoch, 0, b"open")
    bench.broker.produce("other", other, bench.log, 0, [Entry(None, b"done", [], None)])
    bench.broker.end("other", other, commit=True)
    bench.wait()
    assert bench.committed() == []
    assert len(bench.log.read(0, committed=False)[0]) == 2
    bench.broker.end("id", epoch, commit=False)
    bench.wait()
    assert bench.committed() == [b"done"]
    assert bench.log.visible_end(committed=True) == 4, "both markers take an offset"


def test_an_init_aborts_what_was_left_open_and_shuts_its_producer_out() -> None:
    bench = Bench()
    epoch = bench.init()
    bench.produce(epoch, 0, b"left open")
    newer = bench.init()
    with pytest.raises(InvalidProducerEpoch):
        bench.produce(epoch, 1, b"zombie")
    with pytest.raises(InvalidProducerEpoch):
        bench.broker.end("id", epoch, commit=True)
    bench.produce(newer, 0, b"successor")
    bench.broker.end("id", newer, commit=True)
    bench.wait()
    assert bench.committed() == [b"successor"]


def test_an_old_end_that_comes_after_a_new_epoch_is_refused() -> None:
    bench = Bench()
    epoch = bench.init()
    bench.produce(epoch, 0, b"first")
    newer = bench.init()
    bench.produce(newer, 0, b"second")
    with pytest.raises(InvalidProducerEpoch):
        bench.broker.end("id", epoch, commit=True)
    bench.wait()
    assert bench.committed() == []


def test_a_batch_that_is_sent_twice_is_there_once() -> None:
    bench = Bench()
    epoch = bench.init()
    bench.produce(epoch, 0, b"once")
    bench.produce(epoch, 0, b"once")
    bench.broker.end("id", epoch, commit=True)
    bench.wait()
    bench.produce(epoch, 0, b"once")
    assert bench.committed() == [b"once"]
    assert not bench.broker.hanging


def test_an_end_is_repeated_to_who_asks_again_and_its_contrary_refused() -> None:
    bench = Bench()
    epoch = bench.init()
    bench.produce(epoch, 0, b"record")
    bench.broker.end("id", epoch, commit=True)
    bench.wait()
    bench.broker.end("id", epoch, commit=True)
    with pytest.raises(InvalidTxnState):
        bench.broker.end("id", epoch, commit=False)


def test_a_beginning_waits_for_the_markers_of_the_end_before() -> None:
    bench = Bench()
    epoch = bench.init()
    for number in range(8):  # so many that one of their markers is late
        bench.produce(epoch, 0, b"record", bench.broker.log("out", number))
    bench.broker.end("id", epoch, commit=True)
    with pytest.raises(ConcurrentTransactions):
        bench.produce(epoch, 1, b"next")
    bench.wait()
    bench.produce(epoch, 1, b"next")
    assert bench.committed() == [b"record"]


def test_a_transaction_that_stays_open_too_long_is_aborted() -> None:
    bench = Bench()
    epoch = bench.init()
    bench.produce(epoch, 0, b"slow")
    bench.broker.add_offsets("id", epoch, {"place": 7})
    bench.wait(TIMEOUT_S + 1)
    with pytest.raises(InvalidProducerEpoch):
        bench.broker.end("id", epoch, commit=True)
    bench.wait()
    assert bench.committed() == []
    assert not bench.broker.group_offsets
