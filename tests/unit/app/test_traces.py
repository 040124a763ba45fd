"""Spans to an OTLP endpoint, on real HTTP servers and without a broker; settings, metrics, the command without its needs."""

from __future__ import annotations

import builtins
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp.test_utils import TestServer
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from app.cli import cli
from app.config import ConfigError, Secret, TelemetrySettings, load
from app.domain.trace_spans import spans_of
from app.traces import TraceCounts
from app.traces.counts import FAILURES, RESULTS
from app.traces.otlp import Endpoint, load_encoder
from tests.otlp_receiver import Otlp
from tests.unit.domain.test_trace_spans import ALERT, PAIR, PARENT, STATISTICS, TOLD

PAGE = Path(__file__).parents[3] / "docs" / "traces.md"
SPANS = spans_of(ALERT, TOLD, PAIR, STATISTICS)


@pytest.fixture
async def otlp() -> AsyncIterator[tuple[Otlp, str]]:
    receiver = Otlp()
    server = TestServer(receiver.app())
    await server.start_server()
    yield receiver, str(server.make_url("")).rstrip("/")
    await server.close()


async def sent(url: str, **settings: Any) -> tuple[str | None, str]:
    endpoint = Endpoint(url, TelemetrySettings(**settings), load_encoder())
    try:
        return await endpoint.send(SPANS)
    finally:
        await endpoint.close()


async def test_spans_come_as_opentelemetry_decodes_them(otlp: tuple[Otlp, str]) -> None:
    receiver, url = otlp
    assert await sent(f"{url}/", headers=Secret("x-tenant=risk\n\n authorization=Bearer k=1 ")) == (None, "")
    assert [span.name for span in receiver.spans] == ["gnomon pair", "gnomon detect", "gnomon decide"]
    for told, span in zip(receiver.spans, SPANS, strict=True):
        assert (told.trace_id, told.parent_id, told.state) == (PARENT.trace_id, PARENT.span_id, PARENT.state)
        assert (told.span_id, told.start_ms, told.end_ms) == (span.span_id, span.start_ms, span.end_ms)
        assert (told.attributes, told.service, told.kind) == (span.attributes, "gnomon", 4)
        assert told.events == [(event.name, event.at_ms, event.attributes) for event in span.events]
    [headers] = receiver.headers
    assert (headers["x-tenant"], headers["authorization"]) == ("risk", "Bearer k=1")
    assert headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "refused"), (413, "refused"), (401, "unauthorised"), (403, "unauthorised"), (404, "status"), (429, "status"),
     (503, "status"), (307, "status")],
)  # fmt: skip
async def test_an_answer_says_whose_trouble_it_is(otlp: tuple[Otlp, str], status: int, reason: str) -> None:
    receiver, url = otlp
    receiver.answer = status
    assert await sent(url) == (reason, f"HTTP {status}: not this")
    assert receiver.tries == 1, "nothing is followed, nothing sent twice"


async def test_spans_that_are_rejected_with_200_are_refused(otlp: tuple[Otlp, str]) -> None:
    receiver, url = otlp
    receiver.rejects = 2
    assert await sent(url) == ("refused", "2 spans rejected: too old")


async def test_an_endpoint_that_is_slow_or_away(otlp: tuple[Otlp, str], unused_tcp_port: int) -> None:
    receiver, url = otlp
    receiver.answer = -1
    assert await sent(url, timeout_s=0.1) == ("timeout", "no answer in time")
    reason, says = await sent(f"http://127.0.0.1:{unused_tcp_port}")
    assert (reason, "ClientConnectorError" in says) == ("unreachable", True)


async def test_the_certificate_is_checked(tmp_path: Path) -> None:
    authority, receiver = trustme.CA(), Otlp()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = TestServer(receiver.app(), scheme="https")
    await server.start_server(ssl=context)
    url = f"https://127.0.0.1:{server.port}"
    try:
        assert (await sent(url))[0] == "tls"
        assert (await sent(url, cafile=str(tmp_path / "ca.pem")))[0] is None
    finally:
        await server.close()
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"telemetry\.cafile"):
        await sent(url, cafile=str(tmp_path / "none.pem"))


@pytest.mark.parametrize(
    "text", ["no-equals-sign", "=v", "a b=v", "a=caf\u00e9", "a=1\nb", "a=\x07", "\n".join(f"h{n}=1" for n in range(33))]
)
def test_headers_that_are_none_are_named_by_line_and_never_shown(text: str) -> None:
    environment = {"GNOMON_TELEMETRY__HEADERS": text}
    with pytest.raises(ConfigError, match=r"telemetry\.headers") as caught:
        load(environment)
    assert not any(line in str(caught.value) for line in text.splitlines() if len(line) > 4)


def test_metrics_are_there_from_the_start_and_on_the_page() -> None:
    counts = TraceCounts.on(CollectorRegistry())
    families = list(counts.registry.collect())
    samples = {(sample.name, *sample.labels.values()) for family in families for sample in family.samples}
    assert {("gnomon_traces_alerts_total", result) for result in RESULTS} <= samples
    assert {("gnomon_traces_failures_total", reason) for reason in FAILURES} <= samples
    rows = dict(re.findall(r"^\| `(gnomon_traces_\w+)` \| (\w+) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert rows == {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    page = PAGE.read_text("utf-8")
    assert all(f"`{word}`" in page for word in (*RESULTS, *FAILURES))


def test_the_command_names_the_setting_that_it_needs() -> None:
    done = CliRunner().invoke(cli, ["traces"], env={"GNOMON_TELEMETRY__ENDPOINT": ""})
    assert (done.exit_code, "telemetry.endpoint is not set" in done.output) == (2, True)


def test_the_command_without_the_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    done = CliRunner().invoke(cli, ["traces", "--set", "telemetry.endpoint=http://127.0.0.1:1"])
    assert (done.exit_code, "pip install 'gnomon[otel]'" in done.output) == (2, True)
