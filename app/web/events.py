"""``/api/v1/events``: a snapshot, then what changed, at most two frames a second.

One task looks at the read model for all clients. A frame tells what changed from the revision that a client has to the newest, so
clients that keep up share one, which is encoded once, and one that reads slowly gets fewer frames and never old ones. Snapshots
are shared by all who come within ``SNAPSHOT_SECONDS``, and followed by what has changed since. A client that reconnects with a
``Last-Event-ID`` of this process gets what changed since; with one of another process, or one that is too old, a snapshot.
``?detail=revision`` sends the numbers alone, for a page that fetches the rest.

*Bounds.* ``CLIENTS`` at once, the next one is refused with 503 and counted. A client for which ``_PIECE_BYTES`` take longer than
``SEND_SECONDS``, or that still reads when its revision is forgotten (``event_frames.REVISIONS``), is dropped and counted.
A stream ends with the session or the token that it came with. Comments keep the connection alive through proxies.
"""

import asyncio
import contextlib
import secrets
import time
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from app.metrics import Metrics
from app.read_model.views import Overview
from app.web.auth_access import access_of
from app.web.briefs import Briefs
from app.web.context import Reader
from app.web.event_frames import Changes, body_of
from app.web.problems import problem

__all__ = ["CLIENTS", "DETAILS", "EventStream"]

CLIENTS = 256
DETAILS = ("full", "revision")
PERIOD_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
#: What a single write may take before its client counts as gone.
SEND_SECONDS = 20.0
RETRY_MS = 2_000
#: A frame is written in pieces, so that what waits for a slow client is shared by all and not copied for it.
_PIECE_BYTES = 65_536
#: The library's own heartbeat could fall between two pieces.
_NEVER_SECONDS = 86_400.0
#: A snapshot is given to all who come within so long, and an update after it: few of them are ever on their way at once.
SNAPSHOT_SECONDS = 5.0
_PING = b": ping\r\n\r\n"


class _Snapshot(NamedTuple):
    """Everything at one revision, encoded, and when (monotonic clock)."""

    revision: int
    frame: bytes
    at_s: float


class EventStream:
    """The clients of this process and the task that serves them."""

    def __init__(self, read_model: Reader, metrics: Metrics, briefs: Briefs, clients_at_most: int = CLIENTS) -> None:
        self._read_model = read_model
        self._metrics = metrics
        self._briefs = briefs
        self._clients_at_most = clients_at_most
        self._clients = 0
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._seen: Overview | None = None
        self._previous: int | None = None
        self._changes = Changes()
        self._frames: dict[tuple[int, str], bytes] = {}
        self._snapshots: dict[str, _Snapshot] = {}
        #: Revisions count from the start of a process; its ids begin with this.
        self._life = secrets.token_hex(4)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it goes."""
        detail = request.query.get("detail", "full")
        if detail not in DETAILS:
            return problem(400, f"detail is {detail[:40]!r}; allowed: {', '.join(DETAILS)}")
        if self._clients >= self._clients_at_most:
            self._metrics.web_clients_refused.inc()
            return problem(503, f"{self._clients_at_most} clients follow already; try again", {"Retry-After": "10"})
        self._count(1)
        try:
            return await self._answer(request, detail)
        finally:
            self._count(-1)

    async def close(self, _app: web.Application | None = None) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True
        self._news.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _answer(self, request: web.Request, detail: str) -> web.StreamResponse:
        stream = EventSourceResponse(ping_interval=_NEVER_SECONDS, send_timeout=SEND_SECONDS)
        response: web.StreamResponse = stream
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the client is gone
            async with stream:
                try:
                    await self._send_frames(response, detail, self._known(request), access_of(request).until)
                except TimeoutError:  # it takes nothing
                    self._metrics.web_clients_dropped.inc()
                    if request.transport is not None:
                        request.transport.abort()
        return response

    async def _send_frames(self, response: web.StreamResponse, detail: str, revision: int | None, until: float | None) -> None:
        """From ``revision`` on; None: begin with a snapshot. The first frame comes in any case, as a sign of life.

        ``until``: when the client's session or token ends, in seconds since the epoch; None: never.
        """
        greeted = False
        while not self._closed and (rest := HEARTBEAT_SECONDS if until is None else until - time.time()) > 0:
            news, seen = self._news, self._seen
            if seen is not None and not (greeted and seen.revision == revision):
                revision, frame = self._next(seen, revision, detail)
                await self._write(response, frame)
                greeted = True
                continue
            try:
                async with asyncio.timeout(min(rest, HEARTBEAT_SECONDS)):
                    await news.wait()
            except TimeoutError:  # nothing new: a heartbeat finds out whether the client is gone
                await self._write(response, _PING)

    async def _write(self, response: web.StreamResponse, frame: bytes) -> None:
        whole = memoryview(frame)
        for start in range(0, len(whole), _PIECE_BYTES):
            async with asyncio.timeout(SEND_SECONDS):
                await response.write(whole[start : start + _PIECE_BYTES])

    def _known(self, request: web.Request) -> int | None:
        """The revision that a client has seen, if it is still known here."""
        life, _, number = request.headers.get("Last-Event-ID", "").partition("-")
        if life != self._life or not (number.isascii() and number.isdigit() and len(number) < 16):
            return None
        return int(number) if self._changes.since(int(number)) is not None else None

    def _count(self, more: int) -> None:
        self._clients += more
        self._metrics.web_clients.set(self._clients)
        if self._clients and not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while self._clients:
            seen = await self._read_model.current()
            before, changed = self._seen, self._changes.note(seen) or self._seen is None
            self._seen = seen
            if changed:
                self._previous = None if before is None else before.revision
                self._frames = {}
                self._news.set()
                self._news = asyncio.Event()
            await asyncio.sleep(PERIOD_SECONDS)
        self._seen, self._frames, self._snapshots = None, {}, {}  # whoever comes next waits for a look

    def _next(self, seen: Overview, revision: int | None, detail: str) -> tuple[int, bytes]:
        """What a client gets that has seen a revision, or nothing yet; and the revision that it has then."""
        step = None if revision is None else self._changes.since(revision)
        if step is None:
            if revision not in {None, self._previous}:  # it has read for so long that its revision is forgotten
                raise TimeoutError
            kept = self._snapshot(seen, detail)  # also where all has changed at once, which is not remembered
            return kept.revision, kept.frame
        key = (revision or 0, detail)
        if key not in self._frames:
            self._frames[key] = _encode(self._life, "update", seen, body_of(seen, step, self._briefs) if detail == "full" else {})
        return seen.revision, self._frames[key]

    def _snapshot(self, seen: Overview, detail: str) -> _Snapshot:
        """Everything, as it is or was a moment ago."""
        kept, now_s = self._snapshots.get(detail), time.monotonic()
        if kept is None or now_s - kept.at_s > SNAPSHOT_SECONDS or self._changes.since(kept.revision) is None:
            frame = _encode(self._life, "snapshot", seen, body_of(seen, None, self._briefs) if detail == "full" else {})
            kept = self._snapshots[detail] = _Snapshot(seen.revision, frame, now_s)
        return kept


def _encode(life: str, event: str, seen: Overview, more: dict[str, Any]) -> bytes:
    body = msgspec.json.encode({"revision": seen.revision, "as_of": seen.as_of, "stale": seen.stale} | more)
    head = f"id: {life}-{seen.revision}\r\nevent: {event}\r\ndata: ".encode()
    return b"%b%b\r\nretry: %d\r\n\r\n" % (head, body, RETRY_MS)
