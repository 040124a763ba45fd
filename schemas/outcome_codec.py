"""A Kafka record of ``outcomes``, and the outcome in it or the reason why there is none."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.envelope import unwrap
from schemas.json_text import check
from schemas.limits import Limits
from schemas.prediction import Outcome
from schemas.record import SourceRecord
from schemas.shared_fields import SharedFields, parse

__all__ = ["OutcomeDecoder"]


class _WireOutcome(Struct):
    model: str
    label: bool | float | str
    request_id: str | None = None
    timestamp: int | str | None = None
    value: float | None = None
    kpis: Annotated[dict[str, float], Meta(max_length=64)] | None = None
    correction: bool = False


_decode_outcome = msgspec.json.Decoder(_WireOutcome).decode


class OutcomeDecoder:
    """Turns records of ``outcomes`` into outcomes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._shared = SharedFields(limits)

    def __call__(self, record: SourceRecord) -> Outcome:
        """The outcome in ``record``; raises ``DecodeError``."""
        value, envelope = unwrap(check(record.value, self._limits), record.headers)
        wire = parse(_decode_outcome, value)
        self._shared.model(wire.model)
        return Outcome(
            request_id=self._shared.request_id(wire.request_id, envelope, record.key),
            model=wire.model,
            timestamp=self._shared.timestamp(wire.timestamp, envelope, record.timestamp),
            label=wire.label,
            value=wire.value,
            kpis=wire.kpis or {},
            correction=wire.correction,
        )
