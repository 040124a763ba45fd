"""Requests that are sent again, since nobody knew what became of the first: with one ``Idempotency-Key`` they are one.

The id of the action is made of the key, so that a copy that another worker writes is known as one by the role ``decide``. Of what
this worker has written the answer itself is given again.

*Bounds.* ``KEYS`` keys, the oldest go first. What is kept here dies with the process; the ids do not change.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from msgspec import Struct

__all__ = ["HEADER", "KEYS", "Repeats"]

HEADER = "Idempotency-Key"
KEYS = 1_000


class _Known(Struct):
    body: bytes
    answer: bytes | None = None


class Repeats:
    """What was written, by the key that it came with."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def once(self, request: web.Request, who: str, body: bytes, act: Callable[[str | None], Awaitable[bytes]]) -> bytes:
        """The answer of ``act``, which is given what its id is made of; the first one again where the key is known."""
        key = request.headers.get(HEADER)
        if key is None:
            return await act(None)
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            raise web.HTTPBadRequest(
                text=f"the header {HEADER} has {len(key)} characters; allowed are 1 to 255 of ASCII's visible ones"
            )
        what = [who, request.method, request.path, request.query_string, key]
        mark = hashlib.sha256(msgspec.json.encode(what)).hexdigest()[:32]
        known = self._known.get(mark)
        if known is not None:
            return _again(known, _digest(body))
        known = self._known[mark] = _Known(_digest(body))
        if len(self._known) > KEYS:
            self._known.popitem(last=False)
        try:
            known.answer = await act(mark)
        finally:
            if known.answer is None and self._known.get(mark) is known:
                del self._known[mark]
        return known.answer


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _again(known: _Known, body: bytes) -> bytes:
    if known.body != body:
        raise web.HTTPUnprocessableEntity(text=f"the header {HEADER} has come with another body before; allowed is a new key")
    if known.answer is None:
        raise web.HTTPConflict(
            text=f"the first request with this {HEADER} is still under way; ask again", headers={"Retry-After": "1"}
        )
    return known.answer
