"""Styles, scripts and pictures of the pages: read once, kept in memory, told apart by a tag, and no other file is ever served.

``static/vendor`` holds what draws the charts; ``make setup`` puts it there (``app.dev.charts_files``). Without it the pages are
whole: each chart is a table as well.
"""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from aiohttp import web

__all__ = ["has_charts", "static_file"]

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
VENDOR = "vendor"
#: Both are needed for a chart.
CHART_FILES = (f"{VENDOR}/uPlot.iife.min.js", f"{VENDOR}/uPlot.min.css")


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


def has_charts() -> bool:
    """Whether what draws charts is there."""
    return all(name in _FILES for name in CHART_FILES)


def _read() -> dict[str, _File]:
    found = {}
    for name, file in _served(files("app.web").joinpath("static")):
        body = file.read_bytes()
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        found[name] = _File(body, TYPES[name.rpartition(".")[2]], tag)
    return found


def _served(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for file in folder.iterdir():
        if file.is_file():
            yield file.name, file
        elif file.name == VENDOR:
            yield from ((f"{VENDOR}/{each.name}", each) for each in file.iterdir() if each.name.rpartition(".")[2] in TYPES)


_FILES = _read()
