"""The parameters of a request, each read and checked; what is not allowed is a 400 that says what came and what may come.

A cursor (``after``) is the key of the last entry of the page before, so that a page goes on at the same place whatever came or
went since; its texts are cut to a bounded length, by a digest of what is cut away no two become one.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from aiohttp import web

__all__ = ["LIMIT", "TEXT_CHARACTERS", "choice_of", "cut", "limit_of", "page_of", "refused", "segment_text", "text_of"]

#: Entries in one answer: the most, and unless asked.
LIMIT = (1_000, 100)
#: Of a parameter's text; a cursor may be longer.
TEXT_CHARACTERS = 1_024
_CURSOR_CHARACTERS = 4_096
_CUT = 96
T = TypeVar("T")


def refused(name: str, came: str, allowed: str) -> web.HTTPBadRequest:
    """The refusal of one parameter."""
    return web.HTTPBadRequest(text=f"{name} is {came[:40]!r}; allowed: {allowed}")


def limit_of(request: web.Request, most_and_usual: tuple[int, int] = LIMIT) -> int:
    """``limit``."""
    most, usual = most_and_usual
    text = request.query.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise refused("limit", text, f"1 to {most}")
    return int(text)


def choice_of(request: web.Request, name: str, allowed: Sequence[str]) -> str | None:
    """One of some words; None where it is not asked for."""
    word = request.query.get(name)
    if word is not None and word not in allowed:
        raise refused(name, word, ", ".join(allowed))
    return word


def text_of(request: web.Request, name: str, least: int = 0) -> str | None:
    """A text of bounded length; None where it is not asked for."""
    text = request.query.get(name)
    if text is not None and not least <= len(text) <= TEXT_CHARACTERS:
        raise refused(name, text, f"{least} to {TEXT_CHARACTERS} characters")
    return text


def segment_text(segment: Mapping[str, str] | None) -> str:
    """A segment as a parameter has it; empty for all requests together.

    >>> segment_text({"country": "DE", "channel": "web"}), segment_text(None)
    ('channel=web,country=DE', '')
    """
    return ",".join(f"{name}={value}" for name, value in sorted((segment or {}).items()))


def page_of(
    request: web.Request,
    entries: Iterable[T],
    key: Callable[[T], tuple[Any, ...]],
    *,
    newest_first: bool = False,
    most_and_usual: tuple[int, int] = LIMIT,
) -> tuple[list[T], str | None]:
    """The entries behind the cursor, as many as asked for, and the next cursor. All keys have the same types."""
    limit = limit_of(request, most_and_usual)
    keyed = sorted(((key(entry), entry) for entry in entries), key=lambda each: each[0], reverse=newest_first)
    after = _after(request, keyed[0][0] if keyed else ())
    if after is not None:
        keyed = [each for each in keyed if (each[0] < after if newest_first else each[0] > after)]
    page = keyed[:limit]
    return [entry for _, entry in page], _cursor(page[-1][0]) if len(keyed) > limit else None


def cut(text: str) -> str:
    """A text as part of a key: itself, or its beginning and a digest where it is long.

    >>> cut("feature/age"), len(cut("x" * 10_000))
    ('feature/age', 128)
    """
    if len(text) <= _CUT + 32:
        return text
    return text[:_CUT] + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _cursor(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def _after(request: web.Request, like: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The key in the cursor, if it is one like this; any is, where there are no entries."""
    text = request.query.get("after")
    if not text:
        return None
    key = _decoded(text) if len(text) <= _CURSOR_CHARACTERS else None
    if key is None or (like and [type(part) for part in key] != [type(part) for part in like]):
        raise refused("after", text, "the `next` of an answer to the same path")
    return tuple(key)


def _decoded(text: str) -> list[Any] | None:
    try:
        key = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(key, type=list[Any])
    except (ValueError, RecursionError):  # binascii's and msgspec's faults are ValueErrors
        return None
