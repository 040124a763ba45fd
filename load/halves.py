"""The halves of one request as records: the live model's answer and each shadow's."""

from dataclasses import dataclass, replace

import orjson

from load.applications import Application, answer_bytes
from load.planned import LEGACY, SHADOW, Headers
from load.scenarios import Spec
from load.truth import carried
from load.wire import form_of, wrap

__all__ = ["LEGACY_VERSION", "SHADOW_VERSIONS", "Half", "Halves", "model_name"]

LEGACY_VERSION = "1.4.0"
SHADOW_VERSIONS = ("2.0.0", "2.1.0-rc1")
_NAMES = ("credit", "fraud", "churn", "limit", "pricing", "collections", "onboarding", "marketing")
_COST = {"1.4.0": 0.0004, "2.0.0": 0.0002, "2.1.0-rc1": 0.0003}
_REST = (
    b'"model":"%b","version":"%b","prediction":%b,"features":%b,"latency_ms":%b,"cost":%b,"segments":%b,'
    b'"metadata":{"trace":"%b"}}'
)
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def model_name(model: int) -> str:
    """The first eight models have names of their own."""
    return _NAMES[model] if model < len(_NAMES) else f"model-{model:04d}"


@dataclass(frozen=True, eq=False, slots=True)
class Half:
    """One prediction event. ``asked_s`` is its event time in seconds from the start; the rest is the record."""

    topic: str
    version: str
    asked_s: float
    timestamp_ms: int
    key: bytes
    value: bytes
    headers: Headers
    answer: bytes
    latency_ms: bytes
    cost: bytes
    application: Application
    trace: bytes

    @property
    def waited_for(self) -> str:
        """What ``missing`` says where this half never came."""
        return "legacy" if self.topic == LEGACY else self.version

    def conflicting(self) -> "Half":
        """The same half with another latency: a carried field differs, the request and its time do not."""
        return replace(self, value=self.value.replace(b'"latency_ms":' + self.latency_ms, b'"latency_ms":9' + self.latency_ms))


class Halves:
    """Makes the halves of one ``Spec``'s requests. Ids begin with ``stem``, which no other start or seed shares."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.stem = f"{spec.scenario.name}-{spec.seed}-{_base36(spec.start_ms)}"

    def time_ms(self, event_s: float) -> int:
        """Event time on the wire."""
        return self._spec.start_ms + int(event_s * 1000)

    def of(self, name: str, model: int, opened_s: float, application: Application, form: int) -> list[Half]:
        """The halves in the order legacy, shadows; a shadow is asked 1 to 50 ms after legacy."""
        versions = SHADOW_VERSIONS if self._spec.scenario.second_shadow and model % 2 else SHADOW_VERSIONS[:1]
        halves = [self._half(LEGACY, LEGACY_VERSION, name, model, opened_s, application, form)]
        for k, version in enumerate(versions):
            asked_s = opened_s + 0.001 + 0.024 * application.detail * (k + 1)
            halves.append(self._half(SHADOW, version, name, model, asked_s, application, form + 7 * (k + 1)))
        return halves

    def _half(self, topic: str, version: str, name: str, model: int, asked_s: float, application: Application, form: int) -> Half:
        is_legacy = topic == LEGACY
        answer = answer_bytes(model, application.legacy_score if is_legacy else application.shadow_score)
        latency = b"%.2f" % (application.legacy_latency_ms if is_legacy else application.shadow_latency_ms)
        cost = b"%.4f" % _COST[version]
        key, trace, timestamp_ms = name.encode(), b"t-%b" % name.encode(), self.time_ms(asked_s)
        rest = _REST % (
            model_name(model).encode(), version.encode(), answer, application.features, latency, cost,
            application.segments, trace,
        )  # fmt: skip
        source = "/load/legacy" if is_legacy else f"/load/shadow/{version}"
        value, headers = wrap(form_of(form), source, key, timestamp_ms, rest)
        return Half(topic, version, asked_s, timestamp_ms, key, value, headers, answer, latency, cost, application, trace)

    def digest(self, kept: list[Half]) -> int:
        """What the pair record of these halves must carry."""
        parts = [
            [half.version, orjson.loads(half.answer), half.timestamp_ms, float(half.latency_ms), float(half.cost)]
            for half in kept
        ]
        legacy = parts.pop(0) if kept[0].topic == LEGACY else None
        first = kept[0].application
        metadata = {"trace": kept[0].trace.decode()}
        return carried(kept[0].timestamp_ms, legacy, parts, orjson.loads(first.features), orjson.loads(first.segments), metadata)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"
