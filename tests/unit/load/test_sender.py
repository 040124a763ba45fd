import asyncio

import pytest

from load import sender
from load.planned import LEGACY, SHADOW, Planned
from load.sender import Clock, open_loop


class ManualTime:
    """A clock that only sleeping moves; each look at it may cost something."""

    def __init__(self, look_s: float = 0.0) -> None:
        self.now_s, self.look_s = 100.0, look_s

    def now(self) -> float:
        self.now_s += self.look_s
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)

    def clock(self) -> Clock:
        return Clock(now=self.now, wall_ms=lambda: int(self.now_s * 1000), sleep=self.sleep)


class Batch:
    def __init__(self, room: int) -> None:
        self.records, self.room = [], room

    def append(self, *, timestamp, key, value, headers):
        if len(self.records) >= self.room:
            return None
        self.records.append((timestamp, key, value))
        return object()


class Broker:
    """Answers at once, or never before ``answer_all``."""

    def __init__(self, time: ManualTime, *, answers: bool = True, room: int = 1000) -> None:
        self.time, self.answers, self.room = time, answers, room
        self.batches, self.open = [], []

    def create_batch(self) -> Batch:
        return Batch(self.room)

    async def send_batch(self, batch, topic, *, partition):
        self.batches.append((self.time.now_s, topic, partition, batch.records))
        answer = asyncio.get_running_loop().create_future()
        if self.answers:
            answer.set_result(None)
        else:
            self.open.append(answer)
        return answer

    def answer_all(self) -> None:
        self.answers = True
        for answer in self.open:
            answer.set_result(None)


def planned(count: int, every_s: float, topic: str = LEGACY):
    return [Planned(k * every_s, topic, b"k%d" % k, b"v%d" % k, (), 1) for k in range(count)]


async def send(records, broker, time, paced=True):
    return await open_loop(iter(records), broker, prefix="x.", partitions=4, paced=paced, clock=time.clock())


async def test_each_record_goes_out_at_its_planned_time():
    time = ManualTime()
    broker = Broker(time)
    account = await send(planned(200, 0.05), broker, time)
    sent_at = {value: at for at, _, _, records in broker.batches for _, _, value in records}
    delays = [sent_at[b"v%d" % k] - (100 + k * 0.05) for k in range(200)]
    assert all(-1e-9 <= delay <= sender.TICK_S + 1e-9 for delay in delays)
    assert account.sent == 200
    assert account.behind_s <= sender.TICK_S + 1e-9


async def test_a_broker_that_does_not_answer_slows_nothing_down():
    time = ManualTime()
    broker = Broker(time, answers=False)
    sending = asyncio.create_task(send(planned(50, 0.1), broker, time))
    while len(broker.batches) < 50:
        assert not sending.done()
        await asyncio.sleep(0)
    assert not sending.done()  # it waits for the answers only at the end
    assert all(at - (100 + k * 0.1) <= sender.TICK_S + 1e-9 for k, (at, *_) in enumerate(broker.batches))
    broker.answer_all()
    assert (await sending).sent == 50


async def test_too_many_unanswered_batches_are_waited_for(monkeypatch):
    monkeypatch.setattr(sender, "IN_FLIGHT", 5)
    time = ManualTime()
    broker = Broker(time, answers=False)
    sending = asyncio.create_task(send(planned(50, 0.1), broker, time))
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert len(broker.batches) == 5
    time.now_s += 7
    broker.answer_all()
    account = await sending
    assert account.sent == 50
    assert account.behind_s > 6  # and the account says so


async def test_as_fast_as_possible_looks_at_no_plan():
    time = ManualTime()
    broker = Broker(time)
    account = await send(planned(2_000, 1_000.0), broker, time, paced=False)
    assert time.now_s < 101
    assert account.sent == 2_000
    assert account.topics == {LEGACY: 2_000}


async def test_a_full_batch_goes_out_and_order_within_a_partition_holds():
    time = ManualTime()
    broker = Broker(time, room=7)
    await send([*planned(100, 0.0), *planned(100, 0.0, SHADOW)], broker, time, paced=False)
    assert max(len(records) for *_, records in broker.batches) == 7
    for topic in ("x." + LEGACY, "x." + SHADOW):
        by_partition = {}
        for _, where, partition, records in broker.batches:
            if where == topic:
                by_partition.setdefault(partition, []).extend(int(value[1:]) for _, _, value in records)
        assert sorted(n for numbers in by_partition.values() for n in numbers) == list(range(100))
        assert all(numbers == sorted(numbers) for numbers in by_partition.values())


async def test_the_key_decides_the_partition_by_the_java_clients_rule_unless_the_plan_does():
    time = ManualTime()
    broker = Broker(time)
    records = [Planned(0, LEGACY, b"r-000123", b"v", (), 1), Planned(0, SHADOW, b"r-000123", b"v", (), 1, 2)]
    await send(records, broker, time, paced=False)
    assert {(topic, partition) for _, topic, partition, _ in broker.batches} == {
        ("x." + LEGACY, 252501620 % 4), ("x." + SHADOW, 2),
    }  # fmt: skip


async def test_a_refused_batch_ends_the_run_with_the_brokers_reason():
    time = ManualTime()
    broker = Broker(time, answers=False)
    sending = asyncio.create_task(send(planned(3, 0.0), broker, time))
    for _ in range(100):
        await asyncio.sleep(0)
    assert broker.open
    for answer in broker.open:
        answer.set_exception(ConnectionError("the broker is gone"))
    broker.answers = True
    with pytest.raises(ConnectionError, match="gone"):
        await sending
