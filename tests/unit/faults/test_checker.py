"""The checker of the fault campaign, given logs in which one thing was spoiled: it must find that, and nothing in good ones."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from tests.faults.checker import Checker
from tests.faults.findings import FAULTS


class Row(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


Log = list[Row]


def half(request_id: str, version: str, prediction: Any = 0.5) -> dict[str, Any]:
    return {"request_id": request_id, "model": "m", "version": version, "timestamp": 7, "prediction": prediction, "cost": 1}


def event(side: str, offset: int, value: dict[str, Any] | bytes, headers: Any = ()) -> Row:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Row(f"predictions.{side}", 0, offset, b"k", text, tuple(headers))


def record(offset: int, status: str, request_id: str, legacy: Any, shadows: list[Any], missing: list[str]) -> Row:
    value = {"request_id": request_id, "model": "m", "status": status, "legacy": legacy, "shadows": shadows, "missing": missing}
    return Row("pairs", 0, offset, b"m", json.dumps(value).encode())


def letter(of: Row, reason: str, offset: int = 0) -> Row:
    headers = {"reason": reason, "source.topic": f"p.{of.topic}", "source.partition": "0", "source.offset": str(of.offset)}
    return Row("dead.letters", 0, offset, of.key, of.value, tuple((name, value.encode()) for name, value in headers.items()))


def good() -> tuple[Log, Log]:
    """Inputs and outputs in which all is right: one paired, one given up, a copy, a late half, poison, two forms."""
    live, other = half("a", "1"), half("a", "2", {"x": 1, "y": 0})
    structured = {
        "correlationid": "b",
        "time": "1970-01-01T00:00:00.007Z",
        "data": {"model": "m", "version": "1", "prediction": "x"},
    }
    inputs = [
        event("legacy", 0, live),
        event("legacy", 1, live),
        event("legacy", 4, b"NaN?"),
        event("legacy", 5, structured, [("content-type", b"application/cloudevents+json")]),
        event("shadow", 0, other),
        event("shadow", 1, half("b", "2")),
    ]
    outputs = [
        record(0, "paired", "a", live | {"cost": 1.0}, [other | {"prediction": {"y": 0.0, "x": 1.0}}], []),
        record(1, "legacy_only", "b", {"version": "1", "prediction": "x", "timestamp": 7}, [], ["2"]),
        letter(inputs[1], "duplicate"),
        letter(inputs[2], "not_json", 1),
        letter(inputs[5], "late", 2),
    ]
    return inputs, outputs


def checked(inputs: Log, outputs: Log) -> Checker:
    checker = Checker("p.")
    for row in outputs:
        checker.output(row)
    checker.inputs_begin()
    for row in inputs:
        checker.event(row)
    return checker.close()


def changed(row: Row, **members: Any) -> Row:
    return row._replace(value=json.dumps(json.loads(row.value or b"") | members).encode())


def test_nothing_is_wrong_in_good_logs() -> None:
    checker = checked(*good())
    assert (checker.faults, checker.requests, checker.events) == ({}, 2, 6)
    assert checker.statuses == {"paired": 1, "legacy_only": 1}
    assert checker.reasons == {"duplicate": 1, "not_json": 1, "late": 1}


IN, OUT = good()
SPOILED: dict[str, tuple[str, Log, Log]] = {
    "a record was dropped": ("missing", IN, OUT[1:]),
    "a record was doubled": ("twice", IN, [*OUT, OUT[0]._replace(offset=9)]),
    "a record was contradicted": ("contradictory", IN, [*OUT, changed(OUT[0], status="solo")]),
    "a half is not in its record": ("nowhere", IN, [changed(OUT[0], shadows=[], status="solo"), *OUT[1:]]),
    "a letter was dropped": ("nowhere", IN, OUT[:3] + OUT[4:]),
    "the letter of a copy was dropped": ("nowhere", IN, OUT[:2] + OUT[3:]),
    "a letter was doubled": ("letters twice", IN, [*OUT, OUT[3]]),
    "a half was altered": ("altered", IN, [changed(OUT[0], legacy=half("a", "1", 0.25)), *OUT[1:]]),
    "a letter's value was altered": ("altered", IN, [*OUT[:3], OUT[3]._replace(value=b"null"), OUT[4]]),
    "a letter's key was altered": ("altered", IN, [*OUT[:3], OUT[3]._replace(key=None), OUT[4]]),
    "a letter moved": ("altered", IN, [*OUT[:3], OUT[3]._replace(partition=1), OUT[4]]),
    "a late half is in its record": (
        "in both", IN, [OUT[0], changed(OUT[1], status="paired", shadows=[half("b", "2")], missing=[]), *OUT[2:]],
    ),
    "a record of nothing": ("invented", IN, [*OUT, record(9, "solo", "z", half("z", "1"), [], [])]),
    "a letter of nothing": ("invented", IN, [*OUT, letter(IN[0]._replace(offset=99), "late", 9)]),
    "a first half is called a duplicate": ("wrong reason", [IN[0], *IN[2:]], [*OUT[:2], letter(IN[0], "duplicate"), *OUT[3:]]),
    "a status that does not fit": ("wrong status", IN, [changed(OUT[0], status="partial"), *OUT[1:]]),
    "a missing version that is there": ("wrong status", IN, [changed(OUT[0], status="partial", missing=["2"]), *OUT[1:]]),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_what_was_spoiled_is_found(name: str) -> None:
    kind, inputs, outputs = SPOILED[name]
    checker = checked(inputs, outputs)
    assert checker.faults[kind] == 1, checker.examples


def test_each_kind_of_fault_is_tried() -> None:
    assert {kind for kind, _, _ in SPOILED.values()} == set(FAULTS)
