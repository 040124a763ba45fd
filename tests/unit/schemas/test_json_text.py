"""Questions to JSON text that are answered without parsing it, beside what the standard library's parser says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_text import count_members, is_too_deep

names = st.text(st.sampled_from('ab"\\:{}[], é\n'), max_size=6)
scalars = st.none() | st.booleans() | st.integers() | names
values = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=3), max_leaves=8
)


@given(st.dictionaries(names, scalars), st.sampled_from([None, 1]), st.booleans())
def test_the_members_of_a_flat_object_are_counted(members: dict[str, object], indent: int | None, ascii_only: bool) -> None:
    assert count_members(json.dumps(members, indent=indent, ensure_ascii=ascii_only).encode()) == len(members)


def test_members_of_the_same_name_count_each() -> None:
    assert count_members(b'{"a":1,"a":2}') == 2


@pytest.mark.parametrize("text", [b"[]", b'["a:b"]', b"1", b"null", b'"{:}"', b'{"a":{}}', b'{"a":[1]}', b'{"a":{"b":1}}'])
def test_what_is_not_flat_or_no_object_is_not_counted(text: bytes) -> None:
    assert count_members(text) is None


def depth(value: object) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if below is None else 1 + max(map(depth, below), default=0)


@given(values, st.integers(0, 5))
def test_depth(value: object, limit: int) -> None:
    assert is_too_deep(json.dumps(value).encode(), limit) == (depth(value) > limit)


@pytest.mark.parametrize("padding", range(2_040, 2_056))
def test_depth_where_a_string_or_an_escape_lies_across_the_end_of_the_beginning(padding: int) -> None:
    text = json.dumps(["x" * padding + '\\"[[[[', [["[[["]]]).encode()
    assert is_too_deep(text, 2)
    assert not is_too_deep(text, 3)
