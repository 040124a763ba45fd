"""Style, script and picture of the page: read once, kept in memory, told apart by a tag, and no other file is ever served."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

from aiohttp import web

__all__ = ["static_file"]

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class _File(NamedTuple):
    body: bytes
    content_type: str
    tag: str


async def static_file(request: web.Request) -> web.Response:
    """``GET /static/NAME``."""
    found = _FILES.get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == found.tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, content_type=found.content_type, charset="utf-8", headers=headers)


def _read() -> dict[str, _File]:
    found = {}
    for file in files("app.web").joinpath("static").iterdir():
        body = file.read_bytes()
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        found[file.name] = _File(body, TYPES[file.name.rpartition(".")[2]], tag)
    return found


_FILES = _read()
