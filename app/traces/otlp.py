"""One OTLP endpoint: ``POST /v1/traces`` with the spans of an alert in protobuf.

The SDK's encoder makes the body; the request is our own, since the SDK's exporter blocks a thread and tells a refused body
from an endpoint that is away to nobody but its log. 200 means taken, unless the answer says that spans were rejected. 400,
413 and 422 are about the body, and it would be refused again. All else is trouble of the endpoint or of the way to it, a
wrong key or path included, and is for the caller to try again. A redirect is not followed: it would take the headers along.

Source: https://opentelemetry.io/docs/specs/otlp/ (1.9), OTLP/HTTP.
"""

import ssl
from collections.abc import Callable, Sequence

import aiohttp

from app import __version__
from app.config import ConfigError, Fault, TelemetrySettings
from app.delivery.answers import TAKEN, Answer, Reason, posted
from app.domain.trace_spans import Span
from schemas.trace_context import TraceContext

__all__ = ["Encoder", "Endpoint", "ExtraError", "load_encoder"]

Encoder = Callable[[Sequence[Span]], bytes]

_SAID_BYTES = 65_536
_SHOWN = 300
_OF_CONTENT = frozenset({400, 413, 422})
_NANOSECONDS = 1_000_000


class ExtraError(Exception):
    """The packages that export needs are not installed."""


def load_encoder() -> Encoder:
    """Spans into the body of a request; ``ExtraError`` where the extra ``otel`` is missing."""
    try:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
        from opentelemetry.trace.span import TraceState
    except ImportError as error:
        msg = f"it needs the packages of the extra `otel`: pip install 'gnomon[otel]' ({error})"
        raise ExtraError(msg) from error
    resource = Resource({"service.name": "gnomon", "service.version": __version__})
    scope = InstrumentationScope("gnomon", __version__)

    def context(of: TraceContext, span_id: str, *, is_remote: bool) -> SpanContext:
        state = TraceState.from_header([of.state]) if of.state else None
        return SpanContext(int(of.trace_id, 16), int(span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED), state)

    def readable(span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context(span.parent, span.span_id, is_remote=False),
            context(span.parent, span.parent.span_id, is_remote=True),
            resource,
            span.attributes,
            [Event(each.name, each.attributes, each.at_ms * _NANOSECONDS) for each in span.events],
            kind=SpanKind.PRODUCER,
            start_time=span.start_ms * _NANOSECONDS,
            end_time=span.end_ms * _NANOSECONDS,
            instrumentation_scope=scope,
        )

    return lambda spans: encode_spans([readable(span) for span in spans]).SerializeToString()


class Endpoint:
    """See the module's text. Made inside a running event loop; ``encode`` is ``load_encoder``'s."""

    def __init__(self, url: str, settings: TelemetrySettings, encode: Encoder) -> None:
        self.shown = url
        self._url, self._encode, self._tls = f"{url.rstrip('/')}/v1/traces", encode, _tls(settings)
        headers = settings.named_headers() | {"Content-Type": "application/x-protobuf"}
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=settings.timeout_s), headers=headers)

    async def send(self, spans: Sequence[Span]) -> Answer:
        """Export these; never raises for what the endpoint or the network does."""
        return await posted(self._session, self._url, self._encode(spans), self._tls, _judged, _SAID_BYTES)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def _tls(settings: TelemetrySettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.cafile)
    except (OSError, ssl.SSLError) as error:
        allowed = f"{error}; allowed is a PEM file with certificates"
        raise ConfigError([Fault("telemetry.cafile", "", f'"{settings.cafile}"', allowed)]) from error


def _judged(status: int, said: bytes) -> Answer:
    if 200 <= status < 300:
        rejected, why = _rejected(said)
        return Answer("refused", f"{rejected} spans rejected: {why[:_SHOWN]}") if rejected else TAKEN
    reason: Reason = "refused" if status in _OF_CONTENT else "unauthorised" if status in {401, 403} else "status"
    return Answer(reason, f"HTTP {status}: {said[:_SHOWN].decode('utf-8', 'replace').strip()}")


def _rejected(said: bytes) -> tuple[int, str]:
    """How many spans a successful answer says were not taken, and why; an answer that cannot be read says nothing of any."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        partial = ExportTraceServiceResponse.FromString(said).partial_success
    except DecodeError:
        return 0, ""
    return partial.rejected_spans, partial.error_message
