"""A reader of committed records that follows while the faults happen: what it saw may never be taken back.

Brokers that are away do not end it: librdkafka connects again by itself and goes on from the position it had, so a report of a
lost connection costs no record. Anything else that the client reports does end it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

from confluent_kafka import KafkaError

from tests.integration.committed import CommittedReader, Seen

#: What librdkafka says of a broker that cannot be reached just now.
AWAY = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE}


class Follower(CommittedReader):
    """Bears brokers that go away."""

    def read(self, seconds: float = 0.1, most: int = 5_000) -> list[Seen]:
        seen = []
        for message in self._consumer.consume(most, seconds):
            error = message.error()
            if error is None:
                seen.append(self._seen(message))
            elif error.code() not in AWAY and not error.retriable():
                raise AssertionError(f"the onlooker was told {error}")
        return seen


@dataclass
class Onlooker:
    """Reads what is committed while the faults happen."""

    reader: CommittedReader
    seen: list[tuple[str, int, int, int]] = field(default_factory=list)
    pairs: int = 0
    error: BaseException | None = None
    longest_silence_s: float = 0.0
    _heard: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Onlooker:
        self._thread = threading.Thread(target=self._read, name="onlooker")
        self._thread.start()
        return self

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                self._note(self.reader.read())
        except BaseException as error:  # noqa: BLE001  told where the thread is joined
            self.error = error

    def _note(self, records: Sequence[Seen]) -> None:
        now = time.monotonic()
        if records:
            self.longest_silence_s, self._heard = max(self.longest_silence_s, now - self._heard), now
        for record in records:
            self.seen.append((record.topic, record.partition, record.offset, crc32(record.value or b"")))
            self.pairs += record.topic == "pairs"

    def finish(self) -> list[tuple[str, int, int, int]]:
        """All that it saw, up to the logs' present ends."""
        self._stop.set()
        self._thread.join()
        if self.error is None:
            self.reader.to_end(lambda record: self._note([record]))
        self.reader.close()
        if self.error is not None:
            raise self.error
        return self.seen
