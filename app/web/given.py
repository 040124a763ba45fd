"""An answer of the API on its way out: JSON, told apart by a tag, compressed where it is worth it.

The tag of what is made of the read model is weak, as RFC 9110 has it for what is equal in meaning and not in every byte: it
leaves out ``as_of``, the first field of each answer, which moves with each look into Redis, and it is the same whether the
answer goes out compressed or not. A 304 therefore says that nothing but ``as_of`` differs, and has that in the header
``Gnomon-As-Of``.
"""

import hashlib
from typing import Any

import msgspec
from aiohttp import ETag, web

from app.read_model.views import Overview
from app.web.problems import problem

__all__ = ["answer", "not_known", "sent", "tag_of"]

#: From so many bytes on an answer is compressed for whoever takes that, and by a thread.
_COMPRESSED_BYTES, _THREAD_BYTES = 1_024, 65_536


def answer(request: web.Request, seen: Overview, body: Any) -> web.Response:
    """``body``, whose first field is ``as_of``."""
    text = msgspec.json.encode(body)
    response = sent(request, text, ETag(tag_of(text[text.find(b",") :]), is_weak=True))
    response.headers["Gnomon-As-Of"] = str(seen.as_of)
    return response


def not_known(seen: Overview) -> web.Response | None:
    """The refusal while nothing was ever read."""
    if seen.as_of is not None:
        return None
    reason = seen.stale.reason if seen.stale is not None else "nothing was read yet"
    return problem(503, f"the read model cannot be read: {reason}", {"Retry-After": "2"})


def tag_of(text: bytes) -> str:
    """What tells one text from another."""
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def sent(request: web.Request, text: bytes, tag: ETag) -> web.Response:
    """JSON with a tag, a strong one where it is of these bytes; 304 in its place where the client has it already."""
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    packed = len(text) >= _COMPRESSED_BYTES and _takes_gzip(request.headers.get("Accept-Encoding", ""))
    if packed and not tag.is_weak:  # other bytes, another tag
        tag = ETag(f"{tag.value}-gzip")
    if any(known.value in {tag.value, "*"} for known in request.if_none_match or ()):
        response = web.Response(status=304, headers=headers)
    else:
        response = web.Response(body=text, content_type="application/json", headers=headers, zlib_executor_size=_THREAD_BYTES)
        if packed:
            response.enable_compression(web.ContentCoding.gzip)
    response.etag = tag
    return response


def _takes_gzip(accepted: str) -> bool:
    """Whether a client's ``Accept-Encoding`` names gzip, and not with the weight 0.

    >>> [_takes_gzip(each) for each in ("br, gzip", "gzip;q=0.5", "gzip; q=0", "*", "")]
    [True, True, False, False, False]
    """
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
