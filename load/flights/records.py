"""A flight as the records of its life: the live model's answer, the shadow's, and the outcome when it has arrived."""

from typing import Any

import numpy as np
import orjson

from load.flights import legacy, shadow
from load.flights.table import Table
from load.planned import LEGACY, OUTCOMES, Headers
from load.truth import carried
from load.wire import form_of, wrap

__all__ = ["MODEL", "FlightRecords"]

MODEL = "flight-delay"
_MODEL_BYTES = MODEL.encode()
_REST = b'"model":"%b","version":"%b","prediction":%b,"features":%b,"latency_ms":%b,"cost":%b,"segments":%b,"metadata":%b}'
_INTEGERS = {"distance", "scheduled_minutes", "hour"}


class FlightRecords:
    """Makes the values; ``seed`` decides the models' latencies, which the data does not have."""

    def __init__(self, table: Table, seed: int) -> None:
        self._table = table
        random = np.random.default_rng([seed, 2013])
        self._latency_ms = np.round(random.lognormal(1.6, 0.4, (2, len(table))), 2).tolist()
        self._shadow_lag_ms = random.integers(2, 60, len(table)).tolist()

    def shadow_ms(self, row: int, departs_ms: int) -> int:
        """When the shadow was asked: a moment after the live model."""
        return departs_ms + int(self._shadow_lag_ms[row])

    def answer(self, topic: str, row: int, name: str, time_ms: int, probability: float, features: bytes) -> tuple[bytes, Headers]:
        """Value and headers of the answer that goes to ``topic``."""
        is_legacy = topic == LEGACY
        rest = _REST % (
            _MODEL_BYTES,
            (legacy.VERSION if is_legacy else shadow.VERSION).encode(),
            orjson.dumps(probability),
            features,
            orjson.dumps(self._latency_ms[0 if is_legacy else 1][row]),
            b"0.0004" if is_legacy else b"0.0002",
            orjson.dumps(self._segments(row)),
            orjson.dumps(self._metadata(row)),
        )
        source = "/load/flights/legacy" if is_legacy else "/load/flights/shadow"
        return wrap(form_of(row if is_legacy else row + 7), source, name.encode(), time_ms, rest)

    def outcome(self, row: int, name: str, time_ms: int) -> tuple[str, bytes]:
        """Topic and value of what became of the flight."""
        delay = float(self._table.arrival_delay[row])
        body = {
            "request_id": name, "model": MODEL, "timestamp": time_ms, "label": delay > 15, "value": -delay,
            "kpis": {"arrival_delay_minutes": delay},
        }  # fmt: skip
        return OUTCOMES, orjson.dumps(body)

    def features(self, row: int, numbers: dict[str, list[float]], at: int) -> dict[str, Any]:
        """What was known at departure; ``numbers`` are legacy's inputs, ``at`` is the row's place in them."""
        found: dict[str, Any] = {"carrier": self._table.carrier[row], "origin": self._table.origin[row]}
        for name, column in numbers.items():
            value = column[at]
            found[name] = None if value != value else int(value) if name in _INTEGERS else value
        return found

    def features_as_measured(self, row: int) -> dict[str, Any]:
        """What the shadow is fed: no fault is on its way."""
        return self.features(row, {name: [float(column[row])] for name, column in self._table.numbers.items()}, 0)

    def digest(self, row: int, departs_ms: int, probabilities: tuple[float, float], features: dict[str, Any]) -> int:
        """What the pair record must carry."""
        live, learning = self._latency_ms[0][row], self._latency_ms[1][row]
        first = [legacy.VERSION, probabilities[0], departs_ms, live, 0.0004]
        second = [shadow.VERSION, probabilities[1], self.shadow_ms(row, departs_ms), learning, 0.0002]
        return carried(departs_ms, first, [second], features, self._segments(row), self._metadata(row))

    def _segments(self, row: int) -> dict[str, str]:
        return {"origin": self._table.origin[row]}

    def _metadata(self, row: int) -> dict[str, str]:
        return {"tail": self._table.tail[row]}
