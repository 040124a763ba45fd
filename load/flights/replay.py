"""The flights as traffic: both models' answers at departure, the outcome at arrival, in the order of the flights' own time.

Everything is made while it is sent: legacy's answers in chunks by numpy, the shadow's one by one by River, since each
depends on what had landed before. Event time is the flight's; the records' own timestamps are the time of sending, since a
broker deletes by those, and would delete 2013 at once.

A service that learns its shadows from the traffic forgets them at night, when nothing leaves for five hours and its window
is ten seconds: the model has to be configured (``flights_configuration``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import orjson

from load.flights.course import LEARNT_BEFORE, STEP_MS, Feed, Flight, Landed, at_random, in_own_time
from load.flights.faults import FAULTS, MIDDLE, Start
from load.flights.legacy import fit
from load.flights.records import MODEL, FlightRecords
from load.flights.shadow import VERSION
from load.flights.table import Table, read_table
from load.partitioning import key_on_partition
from load.planned import LEGACY, SHADOW, Planned
from load.scenarios import NOMINAL_RATE, PRIMING_WINDOWS
from load.truth import EITHER, Expected, ExpectedAlert, Status, Truth

__all__ = ["EVENTS_A_REQUEST", "Flights", "FlightsSpec", "flights_configuration"]

#: Events of a request, outcome included: 97 % of the flights arrive.
EVENTS_A_REQUEST = 2.97
#: The stationary control begins where the year ends, 2014-01-01T05:00Z.
_STATIONARY_START_MS = 1_388_552_400_000


@dataclass(frozen=True)
class FlightsSpec:
    """All that the traffic is a function of. ``speed``: event seconds for each second of sending, in place of ``rate``."""

    requests: int | None = None
    rate: float = 0.0
    speed: float = 0.0
    seed: int = 1
    first_day: str = "2013-01-01"
    fault: str | None = None
    fault_at: Start = MIDDLE
    stationary: bool = False
    partitions: int = 4
    window_ms: int = 10_000


def flights_configuration() -> str:
    """What the service has to know of this model, as ``gnomon.toml``."""
    return f'[models.{MODEL}]\nshadows = ["{VERSION}"]\ntolerance = 0.1\n'


class Flights:
    """The traffic of one ``FlightsSpec``.

    Reading and fitting takes some seconds; ``say`` tells what is going on. A ``table`` that was read before may be given.
    """

    def __init__(self, spec: FlightsSpec, say: Callable[[str], None] = lambda _: None, table: Table | None = None) -> None:
        self.spec = spec
        self.truth = Truth(quiet_otherwise=spec.stationary and spec.fault is None)
        self._say = say
        say("reading 336,776 flights of 2013")
        self._table = read_table() if table is None else table
        self._first = self._first_row()
        self.requests = self._request_count()
        self.fault_from = self._first_faulty()
        say("fitting the live model on January")
        fault = FAULTS[spec.fault] if spec.fault else None
        self._feed = Feed(self._table, fit(self._table), fault, self.fault_from)
        self._records = FlightRecords(self._table, spec.seed)

    @property
    def span_s(self) -> float:
        """Event seconds of the whole stream."""
        if self.spec.stationary:
            return self.requests * STEP_MS / 1000
        departs_ms = self._table.departs_ms
        return float(departs_ms[self._first + self.requests - 1] - departs_ms[self._first]) / 1000

    @property
    def start_ms(self) -> int:
        """Event time of the first flight."""
        return _STATIONARY_START_MS if self.spec.stationary else int(self._table.departs_ms[self._first])

    def priming(self) -> list[Planned]:
        """One flight more for each partition, two windows before the first."""
        spec, row, time_ms = self.spec, self._first, self.start_ms - PRIMING_WINDOWS * self.spec.window_ms
        live, numbers = self._feed(np.array([row]), 0)
        records: list[Planned] = []
        for partition in range(spec.partitions):
            name = key_on_partition(f"prime-{spec.seed}-{time_ms}-{partition}-", partition, spec.partitions)
            records += self._answers(Flight(row, name, time_ms, live[0], live[0], numbers, 0), 0.0, 0.0, status=EITHER)
        return records

    def events(self) -> Iterator[Planned]:
        """The records, in the order of sending."""
        spec, table, start_ms = self.spec, self._table, self.start_ms
        if spec.stationary:
            self._say("the shadow answers for the whole year before any flight is drawn")
            course = at_random(table, self._feed, self.requests, spec.seed, start_ms)
        else:
            if self._first:
                self._say(f"the shadow learns from the {min(self._first, LEARNT_BEFORE):,} flights before {spec.first_day}")
            course = in_own_time(table, self._feed, self._first, self.requests)
        yield from self._sent(course, start_ms)

    def _sent(self, course: Iterator[Flight | Landed], start_ms: int) -> Iterator[Planned]:
        sent = request = 0
        for happened in course:
            offset_s = self._offset_s(sent, happened.time_ms - start_ms)
            if isinstance(happened, Landed):
                topic, value = self._records.outcome(happened.row, happened.name, happened.time_ms)
                yield Planned(offset_s, topic, happened.name.encode(), value, (), happened.time_ms)
                sent += 1
                continue
            if request == self.fault_from:
                self._note_fault(happened, offset_s)
            second_s = self._offset_s(sent + 1, happened.time_ms - start_ms)
            yield from self._answers(happened, offset_s, second_s, is_faulty=request >= self.fault_from)
            sent, request = sent + 2, request + 1

    def _offset_s(self, sent: int, event_ms: int) -> float:
        if self.spec.speed:
            return event_ms / 1000 / self.spec.speed
        return sent / (self.spec.rate or NOMINAL_RATE)

    def _answers(
        self, flight: Flight, first_s: float, second_s: float, *, is_faulty: bool = False, status: Status = "paired"
    ) -> tuple[Planned, Planned]:
        records, key = self._records, flight.name.encode()
        features = records.features(flight.row, flight.numbers, flight.at)
        text = orjson.dumps(features)
        shadow_ms = records.shadow_ms(flight.row, flight.time_ms)
        value, headers = records.answer(LEGACY, flight.row, flight.name, flight.time_ms, flight.live, text)
        live = Planned(first_s, LEGACY, key, value, headers, flight.time_ms)
        if is_faulty:
            text = orjson.dumps(records.features_as_measured(flight.row))
        value, headers = records.answer(SHADOW, flight.row, flight.name, shadow_ms, flight.learning, text)
        digest = records.digest(flight.row, flight.time_ms, (flight.live, flight.learning), features)
        self.truth.expect(MODEL, flight.name, Expected(status, digest, (), second_s))
        return live, Planned(second_s, SHADOW, key, value, headers, shadow_ms)

    def _note_fault(self, flight: Flight, offset_s: float) -> None:
        fault = FAULTS[self.spec.fault or ""]
        self.truth.change_s, self.truth.change_ms = offset_s, flight.time_ms
        self.truth.alerts.append(ExpectedAlert(fault.signal, MODEL, flight.time_ms))
        self._say(f"fault injected: {fault.plainly}")

    def _first_row(self) -> int:
        days = np.array(self._table.days)
        rows = np.flatnonzero(days >= self.spec.first_day)
        if not len(rows):
            raise ValueError(f"first day {self.spec.first_day!r}: a day from 2013-01-01 to 2013-12-31 is allowed")
        return 0 if self.spec.stationary else int(rows[0])

    def _request_count(self) -> int:
        rows = len(self._table) - self._first
        wanted = self.spec.requests or rows
        if wanted > rows and not self.spec.stationary:
            message = f"requests {wanted}: {rows} flights leave from {self.spec.first_day} on; --stationary draws any number"
            raise ValueError(message)
        return wanted

    def _first_faulty(self) -> int:
        """The first request with the fault, counted from the first that is sent; past the end without a fault."""
        spec, start = self.spec, self.spec.fault_at
        if spec.fault is None:
            return self.requests
        if start.unit != "second":
            return int(start.value * self.requests) if start.unit == "share" else int(start.value)
        if not spec.speed:
            return round(start.value * (spec.rate or NOMINAL_RATE) / EVENTS_A_REQUEST)
        departs_ms = self._table.departs_ms
        moment_ms = departs_ms[self._first] + start.value * spec.speed * 1000
        return int(np.searchsorted(departs_ms, moment_ms)) - self._first
