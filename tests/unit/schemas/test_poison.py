"""Poison ends as one dead letter with the right reason, its bytes untouched, and harms nobody beside it."""

import re
from typing import Any, NamedTuple, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import PredictionDecoder
from schemas.dead_letter import Reason, dead_letter
from schemas.errors import DecodeError
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder
from tests.poison import ACCEPTED, ENCODING, NOT_JSON, NOW_MS, POISON, SCHEMA, STRUCTURED, TIME, TOO_LARGE, outcome, prediction

#: Long enough for a sentence and a path, short enough for a header in every case.
DETAIL_BYTES = 1024


class Record(NamedTuple):
    """A record as it lies on an input topic."""

    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = b"the-key"
    timestamp: int = NOW_MS
    offset: int = 7


def decoder_of(topic: str) -> Any:
    return (OutcomeDecoder if topic == "outcomes" else PredictionDecoder)(Limits())


def refusal(decode: Any, record: Record) -> DecodeError:
    with pytest.raises(DecodeError) as refused:
        decode(record)
    return refused.value


def test_no_case_hides_another_and_every_reason_of_the_decoder_has_cases() -> None:
    assert len(POISON) == sum(len(group) for group in (NOT_JSON, ENCODING, TOO_LARGE, TIME, SCHEMA))
    decided_elsewhere = {"duplicate", "late", "unauthorised"}
    assert {poison.reason for poison in POISON.values()} == set(get_args(Reason)) - decided_elsewhere


@pytest.mark.parametrize("name", POISON)
def test_poison_ends_as_one_dead_letter_with_its_reason_and_its_bytes(name: str) -> None:
    poison = POISON[name]
    record = Record(poison.value, poison.headers, poison.key, poison.timestamp)
    refused = refusal(decoder_of(poison.topic), record)
    assert (refused.reason, bool(re.search(poison.detail, refused.detail))) == (poison.reason, True), refused.detail
    assert len(refused.detail.encode()) <= DETAIL_BYTES
    key, value, headers = dead_letter(poison.topic, poison.topic, 3, record, refused.reason, refused.detail, 1 << 25)
    assert (key, value) == (poison.key, poison.value)
    assert dict(headers)["reason"] == poison.reason.encode()
    assert dict(headers)["source.offset"] == b"7"


@pytest.mark.parametrize("topic", ["predictions.legacy", "outcomes"])
def test_poison_does_no_harm_to_its_neighbours(topic: str) -> None:
    decode = decoder_of(topic)
    good = Record(outcome() if topic == "outcomes" else prediction(segments={"a": "b"}, features={"x": 1.5}))
    before = shown(decode(good))
    for name, poison in POISON.items():
        if poison.topic == topic:
            refusal(decode, Record(poison.value, poison.headers, poison.key, poison.timestamp))
            assert shown(decode(good)) == before, name


def shown(message: Any) -> tuple[Any, ...]:
    names = ("request_id", "model", "version", "timestamp", "prediction", "label", "features", "segments", "metadata", "kpis")
    values = [getattr(message, name, None) for name in names]
    return tuple(bytes(value) if isinstance(value, msgspec.Raw) else value for value in values)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_odd_but_allowed_is_taken(name: str) -> None:
    assert decoder_of("predictions.legacy")(Record(ACCEPTED[name])).model == "m"


PIECES = [
    b"1e999",
    b"9" * 400,
    b'"\\ud800"',
    b"null",
    b"{}",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"\\",
    b"\0",
    b"\xff",
    b",",
    b":",
    b"NaN",
]
SEED = prediction(
    request_id="r", timestamp=NOW_MS, features={"a": 1, "b": None, "c": "x"}, segments={"a": "b"}, metadata={"t": [1, {"x": 2}]},
    latency_ms=1.5,
)  # fmt: skip
TOKENS = re.findall(rb'"[^"]*"|[-0-9.e]+|true|false|null|.', SEED)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(TOKENS)), st.sampled_from(PIECES), st.booleans()), min_size=1, max_size=3))
def test_whatever_is_broken_is_taken_or_refused_and_raises_nothing_else(edits: list[tuple[int, bytes, bool]]) -> None:
    tokens = list(TOKENS)
    for at, piece, replaces in edits:
        tokens[at : at + replaces] = [piece]
    for headers in ((), STRUCTURED):
        reason, detail = ending(Record(b"".join(tokens), headers))
        assert reason is None or reason in get_args(Reason)
        assert len(detail.encode()) <= DETAIL_BYTES


def ending(record: Record) -> tuple[str | None, str]:
    """Why the record is refused; None where it is taken."""
    try:
        decoder_of("predictions.legacy")(record)
    except DecodeError as refused:
        return refused.reason, refused.detail
    return None, ""
