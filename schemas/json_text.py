"""Whether a record's value is JSON text that is safe to parse, before it is parsed.

``check`` refuses by name what no parser should see: an absent value, one over the limit, other encodings, and text nested
so deeply that a parser would run out of stack. All of it must cost next to nothing for an ordinary record, so each test
first asks a cheap question (one pass of a C loop) and looks closer only on a suspicious answer.
"""

import re

from schemas.errors import DecodeError
from schemas.limits import Limits

__all__ = ["check", "is_too_deep"]

_MARKS = ((b"\xef\xbb\xbf", "UTF-8"), (b"\xfe\xff", "UTF-16"), (b"\xff\xfe", "UTF-16 or UTF-32"))
_BRACKETS_OR_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


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
    """Whether brackets outside of strings are nested deeper than ``limit``."""
    depth = 0
    for match in _BRACKETS_OR_STRING.finditer(text):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
            if depth > limit:
                return True
        elif token in (b"}", b"]"):
            depth -= 1
    return False
