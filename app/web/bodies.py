"""The body of a request: read within a time, and refused where it cannot be read.

Who sends it may not be known yet (``/signin``), so nothing that it does is a fault of ours: what does not come in time is 408,
what breaks off or cannot be read 400, what is compressed 415, which is told before anything is read. The server leaves bodies as
they came (``malformed.Runner``), so none is unpacked, and the bound on its bytes is the application's.
"""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

__all__ = ["BODY_SECONDS", "FIELDS", "read_body", "read_form"]

BODY_SECONDS = 10.0
#: Of a form; ours has two.
FIELDS = 16


async def read_body(request: web.Request) -> bytes:
    """All of it. Raises what aiohttp answers with."""
    if coding := request.headers.get(hdrs.CONTENT_ENCODING):
        raise web.HTTPUnsupportedMediaType(text=f"the header Content-Encoding is {coding[:100]!r}; allowed is a body without it")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the body did not come within {BODY_SECONDS:g} s") from None
    except (ConnectionError, web.RequestPayloadError):
        raise web.HTTPBadRequest(text="the body broke off, or is not framed as its headers say") from None


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form by name; of one that is there twice the first."""
    if (request.charset or "utf-8").lower() != "utf-8":
        raise web.HTTPBadRequest(text=f"the charset of the form is {(request.charset or '')[:100]!r}; allowed is utf-8")
    body = await read_body(request)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS)
    except UnicodeDecodeError:
        raise web.HTTPBadRequest(text="the form is not UTF-8") from None
    except ValueError:
        raise web.HTTPBadRequest(text=f"the form has more than {FIELDS} fields") from None
    return dict(reversed(fields))
