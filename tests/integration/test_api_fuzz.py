"""Requests made from the OpenAPI document, good and bad ones, against a real server with a read model of hostile and usual names.

Every answer has to be one that the document has: its status, its type, its headers and its body; none may be a fault of the
service; what the document forbids has to be refused, and what it allows taken. The requests are the same in each run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import jsonschema  # type: ignore[import-untyped]  # it has no stubs
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.config import Config, KafkaSettings, TopicSettings
from app.health import Health
from app.metrics import Metrics
from app.read_model import ReadModel, SeriesReader, connect
from app.topics import create_missing
from app.web import WebServer, create_web
from app.web.openapi import document
from tests.integration.committed import Publisher
from tests.integration.harness import ROOT
from tests.integration.test_read_model import Shard
from tests.read_model_records import Record, action, alert, letter, pairing

from tests.read_model_records import statistics, status, trigger, verdict  # isort: skip

pytestmark = pytest.mark.integration

NAMES = ("flight-delay", "a.b-c_d", "x" * 128, "</script>\"'&#", "%2F/a%00", "\u202e\u0000\U0001f600", "Zürich; DROP", "?a=b#c")
#: Random requests for each path and kind, beside those of the other phases; and how long all may take on a busy machine.
EXAMPLES, SECONDS = 20, 240
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,positive_data_acceptance,missing_required_header,unsupported_method"
)


def logs() -> list[list[Record]]:
    """A read model with each of the names in every place where a name may be."""
    shares = {"values": 9.0, "share": 0.5, "reference_share": 0.25, "reference": {"values": 70}}
    bins = {"ends": [1.0, 2.0], "counts": [1.0, 2.0, 3.0], "reference_shares": [0.2, 0.3, 0.5]}
    letters = [letter(), letter("not_json", detail="x" * 500)]
    drift: list[Record] = []
    alerts: list[Record] = [alert(fingerprint="a1e20086cfa72e70", model="flight-delay")]
    triggers: list[Record] = [trigger("rt-8ba1789171925680", model="flight-delay")]
    for at, name in enumerate(NAMES):
        drift.append(pairing(name, minute=at, read=20, paired=9, legacy_only=1, duplicate=2))
        drift += [
            statistics(name, other, name=other, segment={other: name}, state="drift", histogram=bins, psi=0.5) for other in NAMES
        ]
        figures = {"histogram": bins, "reference": {"values": 10}, "ks": 0.1, "baseline": {"id": name, "owner": name}}
        drift.append(statistics(name, "2013.01", name="wind", **figures))
        drift.append(statistics(name, "2013.01", "missing", name="wind", **shares))
        drift.append(statistics(name, "2013.01", name="worn", histogram={"ends": "x", "counts": [None], "reference_shares": {}}))
        alerts += [alert("resolved", minute=at, fingerprint=name, model=name), alert(fingerprint=name, model=name)]
        triggers.append(trigger(name, model=name, minute=at))
        letters.append(letter(name, name, at, name))
    statuses = [status("running", "rt-8ba1789171925680", model="flight-delay"), status(id_="rt-8ba1789171925680")]
    statuses += [status(id_=name, model=name, new_version=name[:128], detail=name) for name in NAMES if name]
    verdicts = [verdict(model=name, shadow=name) for name in NAMES]
    silences = [action(id=name, subject=name, minute=at, matchers={name: name}) for at, name in enumerate(NAMES)]
    back = action("unsilence", subject=NAMES[2], silence=NAMES[2], by=NAMES[2], why=NAMES[3], minute=9)
    seen = [action("acknowledge", subject=name, fingerprint=name, by=name, why=name) for name in NAMES]
    return [drift, alerts, triggers, letters, verdicts, statuses, [*silences, back, *seen]]


@pytest.fixture
async def url(redis_url: str, kafka: str, prefix: str) -> AsyncIterator[str]:
    """A server of its own, as a worker has one."""
    redis = connect(redis_url)
    config = Config(kafka=KafkaSettings(bootstrap_servers=kafka), topics=TopicSettings(prefix=prefix, partitions=1))
    await create_missing(config)
    publisher = Publisher(kafka, prefix)
    for at, name in enumerate(NAMES):
        publisher.send("pairs", name.encode(), b"{" * at)
    publisher.flush()
    shard = Shard(redis, logs(), prefix=prefix)
    await shard.open()
    await shard.step()
    metrics = Metrics.on(CollectorRegistry(), "0.1.0")
    read_model = ReadModel(redis, prefix, 1)
    server = WebServer(
        create_web(config, Health(["pair", "serve"]), read_model, metrics, SeriesReader(redis, prefix, 1)), "127.0.0.1", 0
    )
    yield await server.start()
    await server.stop()
    await read_model.close()
    await redis.aclose()


async def test_requests_made_from_the_document_are_answered_as_it_says(url: str, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}api/v1/openapi.json",
        "--exclude-path", "/api/v1/events", "--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--mode", "all",
        "--max-examples", str(EXAMPLES), "--generation-deterministic", "--continue-on-failure", "--no-color", "--warnings", "off",
    ]  # fmt: skip
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.integration.fuzz_hooks", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode()
    print(text)
    assert process.returncode == 0, text
    assert "No issues found" in text


async def test_every_name_can_be_asked_for(url: str) -> None:
    served = msgspec.json.decode(msgspec.json.encode(document()))
    checked = 0
    async with aiohttp.ClientSession() as session:
        for path, operations in served["paths"].items():
            if path in {"/api/v1/events", "/api/v1/me"} or "get" not in operations:
                continue
            answer = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            validator = jsonschema.Draft202012Validator(answer | {"components": served["components"]})
            for name in NAMES:
                where = "/".join(quote(name, safe="") if part.startswith("{") else part for part in path.split("/"))
                for query in queries(path, name):
                    validator.validate(await asked(session, url, where, query))
                    checked += 1
                if where == path:
                    break
    assert checked > 100


def queries(path: str, name: str) -> list[dict[str, str]]:
    """What is asked of a path: all of it, and what has the name."""
    if path.endswith("/histograms"):
        return [{"signal": f"feature/{name}", "version": name}, {"signal": "missing/wind"}, {"signal": "feature/worn"}]
    if path.endswith("/signals"):
        return [{}, {"version": name}, {"segment": f"{name}={name}"}, {"limit": "1", "kind": "feature"}]
    if path.endswith("/series"):
        return [
            {"signal": f"feature/{name}", "version": name, "segment": f"{name}={name}"},
            {"signal": "missing/wind", "version": "2013.01"},
        ]
    if path.endswith("/silences"):
        return [{}, {"model": name}, {"model": name, "status": "active", "limit": "1"}]
    return [{"topic": name}, {}] if path.endswith("dead-letters") else [{}]


async def asked(session: aiohttp.ClientSession, url: str, where: str, query: dict[str, str]) -> dict[str, Any]:
    """An answer, and what holds for each: what a HEAD says is the same, and a tag is known again."""
    from yarl import URL

    full = URL(url.rstrip("/") + where, encoded=True).update_query(query)
    async with session.get(full) as response, session.head(full) as head:
        assert response.status == 200, (full, await response.text())
        assert head.status == 200
        body: dict[str, Any] = await response.json()
        tag = response.headers["ETag"]
        assert head.headers["Content-Type"] == response.headers["Content-Type"]
    if not where.endswith(("/pipeline", "/openapi.json")):
        async with session.get(full, headers={"If-None-Match": tag}) as again:
            assert again.status == 304, full
    return body
