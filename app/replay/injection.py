"""A known drift put into real history, to see how soon a configuration finds it.

    feature/income:+0.5sd@2026-11-01T00:00:00Z      half a standard deviation is added from this event time on
    prediction:x1.2@2026-11-01T00:00:00Z            values are multiplied
    latency:+30@…                                   a constant is added, in the signal's own unit
    feature/income:null 10%@…                       one value in ten goes missing
    feature/country:=DE 20%@…                       one value in five becomes this category (true and false: a boolean)

The signals that can be changed are ``feature/NAME`` and, of the legacy version and every shadow alike, ``prediction``,
``latency`` and ``cost``; of shadows alone ``shadow prediction`` and so on, after which ``difference`` and ``agrees`` are
computed anew. Which values are hit is decided by a hash of the request's id, so a replay hits the same.

The standard deviation is that of the values before the moment, as the detectors see them: of one model on one partition, of
answers those of one version as the live one or as a shadow. So it does not depend on the order in which partitions are read. What
has no two values before the moment is not moved.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zlib import crc32

import msgspec

from app.domain.pairing.answers import compare
from schemas.json_text import shallow_pair

__all__ = ["Injection", "InjectionError", "moment_of"]

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
_FORM = re.compile(
    r"(?P<shadow>shadow )?(?P<signal>prediction|latency|cost|feature/.+?):"
    rf"(?P<change>[+-]{_NUMBER}(?:sd)?|x{_NUMBER}|null|=[^@]*?)(?: (?P<share>[0-9]+(?:\.[0-9]+)?)%)?@(?P<moment>[^@]+)"
)
_FIELDS = {"prediction": "prediction", "latency": "latency_ms", "cost": "cost"}


class InjectionError(ValueError):
    """What is to be injected cannot be understood."""


def moment_of(text: str) -> int:
    """Milliseconds since the epoch, from such a number or from RFC 3339.

    >>> moment_of("2026-11-01T00:00:00Z")
    1793491200000
    """
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no time: allowed are milliseconds since the epoch and RFC 3339 (2026-11-01T00:00:00Z)"
        raise InjectionError(message) from error
    if moment.tzinfo is None:
        message = f"{text!r} has no time zone: allowed is RFC 3339, as in {text}Z"
        raise InjectionError(message)
    return int(moment.timestamp() * 1000)


class Injection:
    """One drift of one signal of every model that is replayed; ``tolerance`` is each model's."""

    def __init__(self, text: str, tolerance: Callable[[str], float]) -> None:
        found = _FORM.fullmatch(text)
        if found is None:
            message = (
                f"{text!r} is no injection: allowed is SIGNAL:CHANGE[ SHARE%]@TIME, where SIGNAL is feature/NAME, prediction, "
                f"latency or cost (with 'shadow ' in front for shadows alone), and CHANGE is +0.5sd, +3, -3, x1.2, null or =VALUE"
            )
            raise InjectionError(message)
        self.text, self.signal, self.shadow = text, found["signal"], bool(found["shadow"])
        self.moment_ms, self._share = moment_of(found["moment"]), float(found["share"] or 100) / 100
        self._change = _change(found["change"])
        if self.shadow and self.signal.startswith("feature/"):
            message = f"{text!r}: a feature belongs to the request, no shadow has features of its own"
            raise InjectionError(message)
        self._seen: defaultdict[tuple[int, str, str, str], _Moments] = defaultdict(_Moments)
        self._tolerance = tolerance

    def apply(self, value: bytes, partition: int) -> tuple[bytes, int | None]:
        """The record's value with the drift in it, and its event time; before the moment, and for what is no pair, as it was."""
        try:
            pair = msgspec.json.decode(shallow_pair(value))
            places, time_ms = self._places(pair), int(pair["timestamp"])
            seen = [self._seen[partition, pair["model"], role, version] for _, _, role, version in places]
        except (ValueError, KeyError, TypeError):
            return value, None
        if time_ms < self.moment_ms:
            for (place, key, *_), moments in zip(places, seen, strict=True):
                moments.take(place[key])
            return value, None
        if crc32(b"injected " + str(pair["request_id"]).encode()) >= self._share * 2**32:
            return value, time_ms
        for (place, key, *_), moments in zip(places, seen, strict=True):
            place[key] = self._change(place[key], moments)
        for shadow in pair["shadows"] if self.signal == "prediction" else ():
            _compare(pair, shadow, self._tolerance(pair["model"]))
        return msgspec.json.encode(pair), time_ms

    def _places(self, pair: dict[str, Any]) -> list[tuple[dict[str, Any], str, str, str]]:
        """Where the signal's values stand in a pair, and whose they are: role and version, both empty for a feature."""
        if self.signal.startswith("feature/"):
            name = self.signal.removeprefix("feature/")
            return [(pair["features"], name, "", "")] if name in pair["features"] else []
        legacy = [] if self.shadow or pair["legacy"] is None else [("legacy", pair["legacy"])]
        halves = [*legacy, *(("shadow", half) for half in pair["shadows"])]
        return [(half, _FIELDS[self.signal], role, half["version"]) for role, half in halves]


class _Moments:
    """Mean and spread of the numbers so far (Welford 1962)."""

    def __init__(self) -> None:
        self.count, self._mean, self._sum = 0, 0.0, 0.0

    def take(self, value: Any) -> None:
        """Take what is a number."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.count += 1
            step = value - self._mean
            self._mean += step / self.count
            self._sum += step * (value - self._mean)

    @property
    def sd(self) -> float:
        """0 with fewer than two values."""
        return float((self._sum / self.count) ** 0.5) if self.count > 1 else 0.0


def _change(text: str) -> Any:
    """What is done to a value, as a function of it and of those before the moment."""
    if text == "null":
        return lambda _value, _seen: None
    if text.startswith("="):
        wanted: Any = {"true": True, "false": False}.get(text[1:], text[1:])
        return lambda _value, _seen: wanted
    amount = float(text.strip("x").removesuffix("sd"))

    def change(value: Any, seen: _Moments) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return value * amount if text.startswith("x") else value + amount * (seen.sd if text.endswith("sd") else 1.0)

    return change


def _compare(pair: dict[str, Any], shadow: dict[str, Any], tolerance: float) -> None:
    """How this shadow now stands to the live model."""
    legacy = pair["legacy"]
    if legacy is not None:
        shadow["difference"], shadow["agrees"] = compare(_answer(legacy), _answer(shadow), tolerance)


def _answer(half: dict[str, Any]) -> Any:
    """A score is a float, also where it was written without a point."""
    value = half["prediction"]
    return float(value) if type(value) is int else value
