"""``/api/v1/events``: a snapshot, then what changed, at most two frames a second.

One task looks at the read model for all clients and encodes each frame once; without clients it ends. A frame carries the
whole of each model that changed, so a client that missed one is right again with the next; after a reconnect it gets a
snapshot, whatever its ``Last-Event-ID`` says. ``?detail=revision`` sends the numbers alone, for a page that fetches the rest.

*Bounds.* ``CLIENTS`` at once, the next one is refused with 503 and counted; ``FRAMES`` waiting for a client, one that falls
behind is dropped and counted. Comments keep the connection alive through proxies.
"""

import asyncio
import contextlib
from typing import Any, NamedTuple

import msgspec
import structlog
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from app.metrics import Metrics
from app.read_model.views import Model, Overview
from app.web.api import brief
from app.web.context import Reader
from app.web.problems import problem

__all__ = ["EventStream"]

CLIENTS = 64
FRAMES = 8
PERIOD_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
#: What a single write may take before its client counts as gone.
SEND_SECONDS = 20.0
RETRY_MS = 2_000
log = structlog.get_logger(__name__)


class _Frame(NamedTuple):
    event: str
    id: str
    data: str


class _Client:
    """A queue of frames, None as the last one; ``greeted`` once the snapshot is in it."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        self.greeted = False
        self.frames: asyncio.Queue[_Frame | None] = asyncio.Queue(FRAMES + 1)


class EventStream:
    """The clients of this process and the task that serves them."""

    def __init__(self, read_model: Reader, metrics: Metrics, clients_at_most: int = CLIENTS) -> None:
        self._read_model = read_model
        self._metrics = metrics
        self._clients_at_most = clients_at_most
        self._clients: set[_Client] = set()
        self._task: asyncio.Task[None] | None = None
        self._sent: Overview | None = None

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it goes."""
        detail = request.query.get("detail", "full")
        if detail not in {"full", "revision"}:
            return problem(400, f"detail is {detail[:40]!r}; allowed: full, revision")
        if len(self._clients) >= self._clients_at_most:
            self._metrics.web_clients_refused.inc()
            return problem(503, f"{self._clients_at_most} clients follow already; try again", {"Retry-After": "10"})
        client = self._join(detail)
        try:
            return await self._answer(request, client)
        finally:
            self._leave(client)

    async def close(self, _app: web.Application | None = None) -> None:
        """End all streams, so that the server can stop."""
        for client in list(self._clients):
            self._end(client)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _answer(self, request: web.Request, client: _Client) -> web.StreamResponse:
        response: web.StreamResponse
        response = stream = EventSourceResponse(ping_interval=HEARTBEAT_SECONDS, send_timeout=SEND_SECONDS)
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError, TimeoutError):  # the client is gone, or takes nothing
            async with stream:
                await self._send_frames(stream, client)
        return response

    async def _send_frames(self, response: EventSourceResponse, client: _Client) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    frame = await client.frames.get()
            except TimeoutError:  # nothing new: a look whether a heartbeat found the client gone
                if response.is_connected():
                    continue
                return
            if frame is None:
                return
            await response.send(frame.data, id=frame.id, event=frame.event, retry=RETRY_MS)

    def _join(self, detail: str) -> _Client:
        client = _Client(detail)
        self._clients.add(client)
        self._metrics.web_clients.set(len(self._clients))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())
        return client

    def _leave(self, client: _Client) -> None:
        self._clients.discard(client)
        self._metrics.web_clients.set(len(self._clients))

    def _end(self, client: _Client) -> None:
        self._leave(client)
        while client.frames.full():
            client.frames.get_nowait()
        client.frames.put_nowait(None)

    async def _serve(self) -> None:
        while self._clients:
            self._send(await self._read_model.current())
            await asyncio.sleep(PERIOD_SECONDS)
        self._sent = None

    def _send(self, seen: Overview) -> None:
        frames = {(detail, greeted): _Lazy(self._sent if greeted else None, seen, detail)
                  for detail in ("full", "revision") for greeted in (False, True)}  # fmt: skip
        changed = self._sent is None or self._sent.revision != seen.revision
        for client in list(self._clients):
            if client.greeted and not changed:
                continue
            if client.frames.qsize() >= FRAMES:
                self._metrics.web_clients_dropped.inc()
                self._end(client)
                continue
            client.frames.put_nowait(frames[client.detail, client.greeted].frame)
            client.greeted = True
        self._sent = seen


class _Lazy:
    """A frame that is encoded when the first client wants it, and once."""

    def __init__(self, before: Overview | None, seen: Overview, detail: str) -> None:
        self._of = (before, seen, detail)
        self._frame: _Frame | None = None

    @property
    def frame(self) -> _Frame:
        if self._frame is None:
            self._frame = _encode(*self._of)
        return self._frame


def _encode(before: Overview | None, seen: Overview, detail: str) -> _Frame:
    body: dict[str, Any] = {"revision": seen.revision, "as_of": seen.as_of, "stale": seen.stale}
    if detail == "full":
        body.update(_changes(before, seen))
    event = "snapshot" if before is None else "update"
    return _Frame(event, str(seen.revision), msgspec.json.encode(body).decode())


def _changes(before: Overview | None, seen: Overview) -> dict[str, Any]:
    """All there is, or the models that are other objects than before and the lists that are."""
    known: dict[str, Model] = {} if before is None else dict(before.models)
    body: dict[str, Any] = {
        "models": [brief(model) for name, model in seen.models.items() if known.get(name) is not model],
        "removed": sorted(known.keys() - seen.models.keys()),
    }
    if before is None or before.alerts is not seen.alerts:
        body["alerts"] = seen.alerts
    if before is None or before.triggers is not seen.triggers:
        body["triggers"] = seen.triggers
    if before is None or before.pipeline != seen.pipeline:
        body["pipeline"] = seen.pipeline
    return body
