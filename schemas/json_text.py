"""Whether a record's value is JSON text that is safe to parse, before it is parsed.

``check`` is for inputs, ``shallow`` for topics that the service writes itself. ``check`` refuses by name what no parser should
see: an absent value, one over the limit, other encodings, and text nested so deeply that a parser would run out of stack.
All of it must cost next to nothing for an ordinary record, so each test first asks a cheap question (one pass of a C loop)
and looks closer only on a suspicious answer.
"""

from itertools import accumulate

import msgspec

from schemas.errors import DecodeError
from schemas.limits import Limits

__all__ = ["NESTING", "check", "count_members", "is_too_deep", "shallow", "shallow_pair"]

#: Of what the service itself writes, which has up to six levels.
NESTING = 32
#: Of a pair, which holds the metadata of a request as they came: of an input the settings allow 256 levels.
_PAIR_NESTING = 300
#: Not even so many brackets in a row make a parser run out of stack.
_FLAT_BYTES = 700

_MARKS = ((b"\xef\xbb\xbf", "UTF-8"), (b"\xfe\xff", "UTF-16"), (b"\xff\xfe", "UTF-16 or UTF-32"))
#: All but quotes and brackets; a bracket is a step down or a step up.
_OTHERS = bytes(set(range(256)) - set(b'"[]{}'))
_STEPS = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")
#: All but quotes, colons and brackets.
_NO_MEMBERS = bytes(set(range(256)) - set(b'":[]{}'))
#: A bomb is mostly deep from its beginning on, which is looked at first.
_BEGINNING_BYTES = 2_048


def check(value: bytes | None, limits: Limits) -> bytes:
    """The value, where it may be parsed; raises ``DecodeError`` otherwise."""
    if not value:
        what = "the record has no value (a tombstone)" if value is None else "the value is empty"
        raise DecodeError("not_json", f"{what}; a JSON object is expected")
    if len(value) > limits.record_bytes:
        raise DecodeError("too_large", f"the value has {len(value)} bytes; at most {limits.record_bytes} are allowed")
    if not value.isascii():
        _check_encoding(value)
    elif value[0] == 0:
        raise DecodeError("unsupported_encoding", _framed(value))
    if value.count(b"{") + value.count(b"[") > limits.nesting and is_too_deep(value, limits.nesting):
        raise DecodeError("too_large", f"the value is nested deeper than {limits.nesting} levels")
    return value


def shallow(value: bytes | None, levels: int = NESTING) -> bytes:
    """The value of a record on a topic of ours, where it may be parsed; empty where there is none.

    Anybody who may write to Kafka may write there. At which depth a parser runs out of stack (a ``RecursionError``) depends on
    how deep its caller is in calls, so the same record would be read in one place and not in another; this bound does not.

    >>> shallow(b'{"a":[1]}', 2), shallow(None)
    (b'{"a":[1]}', b'')
    >>> shallow(b'{"a":[[1]]}', 2)
    Traceback (most recent call last):
    msgspec.DecodeError: the value is nested deeper than 2 levels
    """
    value = value or b""
    brackets = 2 * len(value) - len(value.replace(b"{", b"")) - len(value.replace(b"[", b""))  # faster than counting them
    if brackets > levels and is_too_deep(value, levels):
        raise msgspec.DecodeError(f"the value is nested deeper than {levels} levels")
    return value


def shallow_pair(value: bytes | None) -> bytes:
    """The value of a record of ``pairs``, in the same way; a pair of ordinary size is not looked at."""
    value = value or b""
    return value if len(value) <= _FLAT_BYTES else shallow(value, _PAIR_NESTING)


def _check_encoding(value: bytes) -> None:
    if value[0] == 0:
        raise DecodeError("unsupported_encoding", _framed(value))
    for mark, name in _MARKS:
        if value.startswith(mark):
            message = f"the value begins with the byte order mark of {name}; UTF-8 without a mark is expected"
            raise DecodeError("unsupported_encoding", message)
    try:
        value.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8: {error.reason}; JSON text has to be UTF-8"
        raise DecodeError("not_json", message) from None


def _framed(value: bytes) -> str:
    schema_id = f" (schema id {int.from_bytes(value[1:5], 'big')})" if len(value) >= 5 else ""
    return f"the first byte is 0x00, as of a schema registry's framing{schema_id}; plain JSON or a CloudEvent is expected"


def is_too_deep(text: bytes, limit: int) -> bool:
    """Whether brackets outside of strings are nested deeper than ``limit``.

    A megabyte of them takes some 25 ms, half a million strings among them no more: no step of Python's own is taken for any.
    """
    return (len(text) > _BEGINNING_BYTES and _reaches_below(text[:_BEGINNING_BYTES], limit)) or _reaches_below(text, limit)


def count_members(text: bytes) -> int | None:
    """How many members an object has, with those of the same name; None where it is not flat, or no object. ``text`` is JSON.

    For an object of ten thousand members it takes a third of what it takes to decode them.
    """
    kept = _unescaped(text).translate(None, _NO_MEMBERS).replace(b'""', b"")
    outside = b"".join(kept.split(b'"')[::2])
    flat = outside[:1] == b"{" and outside.count(b":") == len(outside) - 2
    return len(outside) - 2 if flat else None


def _unescaped(text: bytes) -> bytes:
    """The text without what is escaped, so that every quote is the end of a string."""
    return text.replace(rb"\\", b"").replace(b'\\"', b"")


def _reaches_below(text: bytes, limit: int) -> bool:
    kept = _unescaped(text).translate(_STEPS, _OTHERS).replace(b'""', b"")
    steps = b"".join(kept.split(b'"')[::2])
    if b"\x01" * (limit + 1) in steps:  # the commonest bomb, found at once
        return True
    return max(accumulate(memoryview(steps).cast("b")), default=0) > limit
