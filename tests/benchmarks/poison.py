"""How much of the pair role's rate is left when every tenth record is poison: ``python -m tests.benchmarks.poison``.

    python -m tests.benchmarks.poison [--records 200000]

Two sets of topics on one broker: one clean, one in which a record of each kind of ``load.poison`` in turn stands behind every
ninth event. The pair role reads both from the beginning, in turn. Asserted: every poisonous record is one dead letter with its
reason and its place, every good event comes out as it does without them, no worker ends, and at least half of the rate is
left. Rates count records, good and bad; the CPU time is that of the worker, the broker is apart.
"""

import argparse
import asyncio
from collections import Counter
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.dev.servers import Servers
from load.poison import make
from tests.benchmarks.pairing import measure_pair
from tests.benchmarks.processes import gnomon
from tests.benchmarks.results import check
from tests.benchmarks.workload import BASE_MS, PARTITIONS, events, fill

__all__: list[str] = []

#: Topic, partition, offset and reason.
Letter = tuple[str, int, int, str]
INPUTS = ("predictions.legacy", "predictions.shadow")


async def fill_with_poison(bootstrap: str, prefix: str, records: int) -> tuple[int, Counter[str], Counter[Letter]]:
    """Fill both topics; how many records there are, how the good ones should come out, and a letter for each bad one."""
    expected, bad, written = Counter[str](), list[tuple[Any, str]](), 0
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="snappy", max_request_size=4 << 20, linger_ms=5)
    await producer.start()
    for topic, partition, key, value in events(records * 9 // 20, expected):
        await producer.send(prefix + topic, value, key, partition)
        written += 1
        if written % 9 == 0:
            number = len(bad)
            poison = make(number // 2, f"poison-{number}", "credit", "1.4.0", BASE_MS + number)
            topic = prefix + INPUTS[number % 2]
            sent = await producer.send(topic, poison.value, poison.key, partition, headers=list(poison.headers))
            bad.append((sent, poison.reason))
    await producer.flush()
    places = [(await sent, reason) for sent, reason in bad]
    await producer.stop()
    letters = Counter((at.topic, at.partition, at.offset, reason) for at, reason in places)
    return written + len(bad), expected + Counter(reason for _, reason in places), letters


async def letters_of(bootstrap: str, prefix: str) -> Counter[Letter]:
    """Where each dead letter's record lies, and its reason; copies of good events apart."""
    places = [TopicPartition(prefix + "dead.letters", at) for at in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends, found = await consumer.end_offsets(places), Counter[Letter]()
    for place in places:
        while await consumer.position(place) < ends[place]:
            for record in (await consumer.getmany(place, timeout_ms=500)).get(place, []):
                headers = {name: value.decode() for name, value in record.headers}
                at = int(headers["source.partition"]), int(headers["source.offset"])
                found[headers["source.topic"], *at, headers["reason"]] += headers["reason"] != "duplicate"
    await consumer.stop()
    return +found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=200_000)
    options = parser.parse_args()
    with Servers(log=lambda _: None) as servers:
        bootstrap = servers.bootstrap_servers
        for prefix in ("clean.", "poison."):
            environment = {"GNOMON_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "GNOMON_TOPICS__PREFIX": prefix}
            assert gnomon("topics", "create", environment=environment).wait() == 0
        clean = asyncio.run(fill(bootstrap, "clean.", options.records // 2))
        poison = asyncio.run(fill_with_poison(bootstrap, "poison.", options.records))
        print(f"clean: {clean[0]} records; poison: {poison[0]} records, {poison[2].total()} of them bad", flush=True)
        of_clean = measure_pair(bootstrap, "clean.", clean[0], 18_097, None)
        of_poison = measure_pair(bootstrap, "poison.", poison[0], 18_097, None)
        for name, (by_cpu, by_wall) in (("clean", of_clean), ("poison", of_poison)):
            print(f"{name}: {by_cpu:,.0f} records by CPU second, {by_wall:,.0f} by second", flush=True)
        asyncio.run(check(bootstrap, "clean.", clean[1]))
        asyncio.run(check(bootstrap, "poison.", poison[1]))
        assert asyncio.run(letters_of(bootstrap, "poison.")) == poison[2], "not one dead letter for each"
    left = of_poison[1] / of_clean[1]
    print(
        f"{left:.0%} of the clean rate is left ({of_poison[0] / of_clean[0]:.0%} by CPU time); each bad record is one dead letter"
    )
    assert left >= 0.5, "less than half of the clean rate"


if __name__ == "__main__":
    main()
