"""``docs/http.md`` keeps its word: its paths are those that are served, its examples are answers as they are documented."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema  # type: ignore[import-untyped]  # it has no stubs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Overview
from app.web import create_web
from app.web.openapi import document
from tests.read_model_records import STATISTICS, fed, overview, statistics

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "http.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (?:\[)?`(/[^`]*)`(?:\]\([^)]*\))? \| ([A-Z, ]+) \|", PAGE, re.MULTILINE))
EXAMPLES = [
    pytest.param(int(status), path, json.loads(text), id=f"{status} {path}")
    for status, path, text in re.findall(r"^```json (\d+) ((?:[A-Z]+ )?\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]
OPENAPI = json.loads(json.dumps(document()))


class Shelf:
    """One quiet model."""

    async def current(self) -> Overview:
        return overview(fed((STATISTICS, statistics())))


def served() -> web.Application:
    return create_web(Config(), Health(["pair", "serve"]), Shelf(), Metrics.on(CollectorRegistry(), "0"))


def test_the_page_lists_the_paths_that_are_served_with_their_methods_and_no_others() -> None:
    methods: dict[str, set[str]] = {}
    for route in served().router.routes():
        assert route.resource is not None
        methods.setdefault(route.resource.canonical, set()).add(route.method)
    assert {path: set(words.split(", ")) for path, words in ROWS.items()} == methods


def test_the_page_lists_the_parameters_that_the_document_has() -> None:
    rows = dict(re.findall(r"^\| \[`(/api/v1/[^`]*)`\]\([^)]*\) \| [A-Z, ]+ \| ([^|]*)\|", PAGE, re.MULTILINE))
    named = {path: set(re.findall(r"`(\w+)`", words)) for path, words in rows.items()}
    parameters = {
        path: {each["name"] for operation in operations.values() for each in operation["parameters"] if each["in"] == "query"}
        for path, operations in OPENAPI["paths"].items()
    }
    assert named == parameters | {"/api/v1/openapi.json": set()}


def test_every_path_of_the_api_and_every_probe_has_an_example() -> None:
    shown = {example.values[1] for example in EXAMPLES if example.values[0] == 200}
    pages = {path for path in ROWS if not path.startswith(("/api/", "/-/", "/static/", "/metrics"))}
    streams_and_texts = pages | {"/static/{name}", "/metrics", "/api/v1/events", "/api/v1/openapi.json"}
    assert shown == {path for path, methods in ROWS.items() if "GET" in methods} - streams_and_texts
    for path in streams_and_texts:
        assert f"`{path}`" in PAGE


def test_every_link_into_the_page_leads_to_a_chapter() -> None:
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    for page in DOCS.glob("*.md"):
        links |= set(re.findall(r"\]\(http\.md#([^)]+)\)", page.read_text("utf-8")))
    assert links
    assert links <= slugs


@pytest.mark.parametrize(("status", "path", "body"), [each for each in EXAMPLES if "/api/" in each.values[1]])
def test_an_example_is_as_the_document_says(status: int, path: str, body: dict[str, Any]) -> None:
    method, _, where = path.rpartition(" ")
    content = OPENAPI["paths"][where.partition("?")[0]][method.lower() or "get"]["responses"][str(status)]["content"]
    [schema] = [content[kind]["schema"] for kind in content]
    schema = schema | {"components": OPENAPI["components"]}
    jsonschema.validate(body, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("status", "path", "body"), [each for each in EXAMPLES if each.values[0] >= 400 and each.values[1] != "/-/ready"]
)
async def test_an_error_on_the_page_is_the_error_that_is_answered(status: int, path: str, body: dict[str, Any]) -> None:
    named = path.replace("{name}", "none" if status == 404 else "credit")
    where = urlsplit(named.replace("{fingerprint}", "none").replace("{id}", "none"))
    async with TestClient(TestServer(served())) as client:
        response = await client.get(where.path, params={name: values[0] for name, values in parse_qs(where.query).items()})
        assert (response.status, await response.json(content_type=None)) == (status, body)


def test_the_document_has_the_examples_of_the_page() -> None:
    shown = {each.values[1]: each.values[2] for each in EXAMPLES if each.values[0] == 200 and each.values[1].startswith("/api/")}
    examples = {
        path: operations["get"]["responses"]["200"]["content"]["application/json"]["example"]
        for path, operations in OPENAPI["paths"].items()
        if path != "/api/v1/events" and "get" in operations
    }
    assert examples == shown


async def test_the_probes_answer_with_the_members_on_the_page() -> None:
    examples = {(each.values[0], each.values[1]): each.values[2] for each in EXAMPLES}
    async with TestClient(TestServer(served())) as client:
        ready = await client.get("/-/ready")
        assert (await ready.json()).keys() == examples[503, "/-/ready"].keys()
        assert "serve: starting: waiting for the consumer group" in (await ready.json())["waiting_for"]
        healthy = await client.get("/-/healthy")
        assert await healthy.json() == examples[200, "/-/healthy"]
