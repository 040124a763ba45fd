"""An OTLP/HTTP endpoint on a real socket that keeps the spans it is sent, as OpenTelemetry's own protobuf decodes them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


class Told(NamedTuple):
    """One span. Ids in hexadecimal digits, times in milliseconds."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    kind: int
    start_ms: int
    end_ms: int
    attributes: dict[str, Any]
    events: list[tuple[str, int, dict[str, Any]]]
    service: str


@dataclass
class Otlp:
    """``answer`` is the status it gives, ``rejects`` how many spans it says it has not taken; -1 hangs until the end."""

    answer: int = 200
    rejects: int = 0
    tries: int = 0
    spans: list[Told] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        self.tries += 1
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        body = ExportTraceServiceRequest.FromString(await request.read())
        if self.answer == -1:
            await asyncio.Event().wait()
        if self.answer != 200:
            return web.Response(status=self.answer, text="not this", headers={"Location": "/elsewhere"})
        self.spans += decoded(body)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.rejects
        answer.partial_success.error_message = "too old" if self.rejects else ""
        return web.Response(body=answer.SerializeToString(), content_type="application/x-protobuf")


class OtlpServer(Otlp):
    """The same in a thread of its own, on a port that it keeps when it goes away and comes back."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.url, self._port = f"http://127.0.0.1:{port}", port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runner: web.AppRunner | None = None

    def start(self) -> None:
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    async def _start(self) -> None:
        self._runner = web.AppRunner(self.app(), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()

    def stop(self) -> None:
        """Nobody listens any more."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
            self._runner = None

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def decoded(body: ExportTraceServiceRequest) -> list[Told]:
    """All spans of a request."""
    found = []
    for resource in body.resource_spans:
        service = _plain(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            found += [_told(span, service) for span in scope.spans]
    return found


def _told(span: Any, service: str) -> Told:
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    events = [(each.name, each.time_unix_nano // 1_000_000, _plain(each.attributes)) for each in span.events]
    times = (span.start_time_unix_nano // 1_000_000, span.end_time_unix_nano // 1_000_000)
    return Told(span.name, *ids, span.trace_state, span.kind, *times, _plain(span.attributes), events, service)


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
