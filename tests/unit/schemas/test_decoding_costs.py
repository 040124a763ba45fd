"""What a record may cost until it is taken or refused, in CPU time and memory: what a fuzzer kept, and records of full size."""

from pathlib import Path

import pytest

from schemas.limits import Limits
from tests.fuzz.target import CPU_MS, Input, memory_of, outcome_of, read, timed
from tests.poison import outcome, prediction

CORPUS = sorted((Path(__file__).parents[2] / "fuzz" / "corpus").iterdir())
ROOM = Limits().record_bytes - 200
FIELDS = ("features", "segments", "metadata", "prediction", "request_id")
#: What an array is full of, to the limit.
FULL_OF = {
    "empty arrays": b"[],", "empty objects": b"{},", "numbers": b"1,", "empty strings": b'"",', "brackets in strings": b'"[",',
    "escapes": b'"\\n",', "nests of 28": b"[" * 28 + b"]" * 28 + b",",
}  # fmt: skip


def filled(piece: bytes) -> bytes:
    return b"[" + (piece * (ROOM // len(piece)))[:-1] + b"]"


def members(value: bytes) -> bytes:
    return b"{" + b",".join(b'"%05x":%b' % (at, value) for at in range(ROOM // (9 + len(value)))) + b"}"


LARGE = {name: filled(piece) for name, piece in FULL_OF.items()} | {
    "members": members(b"1"),
    "members with strings": members(b'""'),
    "members with arrays": members(b"[]"),
    "one long string": b'"' + b"x" * (ROOM - 2) + b'"',
    "quotes in a string": b'"' + b'\\"' * (ROOM // 2 - 1) + b'"',
    "digits": b"9" * ROOM,
}
BARE = {"open brackets": b"[" * ROOM, "brackets": b"[]" * (ROOM // 2), "quotes": b'"' * ROOM, "backslashes": b'"' + b"\\" * ROOM}


def assert_cheap(record: Input) -> None:
    outcome_of(record)  # raises what is no refusal
    assert timed(record) <= CPU_MS
    peak, allowed = memory_of(record)
    assert peak <= allowed


def test_the_corpus_is_there_and_small() -> None:
    assert len(CORPUS) > 50
    assert sum(file.stat().st_size for file in CORPUS) < 100_000


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_what_the_fuzzer_kept_is_taken_or_refused_cheaply(file: Path) -> None:
    assert_cheap(read(file.read_bytes()))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", LARGE)
def test_a_field_as_large_as_a_record_may_be_is_taken_or_refused_cheaply(name: str, field: str) -> None:
    assert_cheap(Input(False, prediction(**{field: LARGE[name]})))


@pytest.mark.parametrize("name", LARGE)
def test_an_outcome_with_figures_as_large_as_a_record_may_be_is_taken_or_refused_cheaply(name: str) -> None:
    assert_cheap(Input(True, outcome(kpis=LARGE[name])))


@pytest.mark.parametrize("name", BARE)
def test_a_record_of_one_character_is_refused_cheaply(name: str) -> None:
    assert_cheap(Input(False, BARE[name]))


def test_segments_with_a_broken_escape_are_refused_and_not_kept() -> None:
    for _ in range(2):
        assert outcome_of(Input(False, prediction(segments=b'{"a":"\\ud800"}')))[0] in ("not_json", "invalid_schema")
