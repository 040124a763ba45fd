"""How features are decoded, as tables or as structs made for their names, may be seen in nothing but the time it takes."""

import random
from typing import Any, NamedTuple

import msgspec
import pytest

from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.pair_records import PairDecoder

_NAMES = ["a", "b", "visits", "country", 'a "quoted" one', "", "größe", "prediction"]
_VALUES = [1.5, 7, -3, 10**30, True, False, "DE", "", None]


class _Record(NamedTuple):
    offset: int
    timestamp: int
    value: bytes | None


def _record(offset: int, features: str, model: str = "credit", legacy: str = '{"version":"1","prediction":0.5}') -> _Record:
    text = (
        f'{{"request_id":"r-{offset}","model":"{model}","timestamp":1,"status":"solo","legacy":{legacy},"shadows":[]{features}}}'
    )
    return _Record(offset, 0, text.encode())


def _features(table: dict[str, Any]) -> str:
    return f',"features":{msgspec.json.encode(table).decode()}'


def _columns(records: list[_Record], chunk: int) -> tuple[list[int], dict[str, list[Any]], int]:
    """What is gathered; columns of nothing are none."""
    decoder, gathered, structs = PairDecoder(), PairColumns(), 0
    for at in range(0, len(records), chunk):
        offsets, pairs, names = decoder.decode(records[at : at + chunk])
        gathered.take(offsets, pairs, names)
        structs += names is not None
    columns = gathered.features.columns
    assert {len(column) for column in columns.values()} <= {gathered.features.rows}
    kept = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return gathered.offsets, kept, structs


@pytest.mark.parametrize("seed", range(20))
def test_structs_hold_what_tables_do(seed: int) -> None:
    rng = random.Random(seed)
    names = rng.sample(_NAMES, rng.randint(0, 5))
    records = []
    for at in range(400):
        its = [*names, *rng.sample(_NAMES, 2)] if rng.random() < 0.02 else names[: len(names) - (rng.random() < 0.1)]
        odd = ['"features":{"a":[1]}', '"features":null', '"features":{"a":1,"a":2}', '"metadata":{"a":[1]}']
        features = f",{rng.choice(odd)}" if rng.random() < 0.02 else _features({name: rng.choice(_VALUES) for name in its})
        records.append(_record(at, features, legacy="null" if rng.random() < 0.05 else '{"version":"1","prediction":0.5}'))

    in_one, one_by_one = _columns(records, len(records)), _columns(records, 7)

    assert in_one[2] == 0, "the first records are decoded as tables"
    assert repr(one_by_one[:2]) == repr((in_one[0], {name: in_one[1][name] for name in one_by_one[1]}))
    assert in_one[1].keys() == one_by_one[1].keys()


def test_structs_are_used_once_the_names_are_known() -> None:
    records = [_record(at, _features({"a": float(at), "b": "x"})) for at in range(100)]

    assert _columns(records, 10)[2] == 9


def test_a_new_name_is_not_lost() -> None:
    records = [_record(at, _features({"a": 1.0} | ({"new": 2.0} if at >= 50 else {}))) for at in range(100)]

    assert _columns(records, 10)[1]["new"] == [None] * 50 + [2.0] * 50


def test_several_models_are_decoded_as_tables() -> None:
    records = [_record(at, _features({"a": 1.0}), model=f"m{at % 2}") for at in range(100)]

    assert _columns(records, 10)[2] == 0
