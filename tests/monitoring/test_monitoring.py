"""What operators take over: rules of Prometheus, tried with its own tool; a dashboard of which every metric is exported."""

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from app.metrics import Metrics
from tests.unit.app.test_metrics import families

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
RULES = EXAMPLES / "prometheus-rules.yml"
#: Prometheus has these of every target and every rule.
OF_PROMETHEUS = {"up", "ALERTS"}
PROMTOOL = shutil.which("promtool")
with_promtool = pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool on the path (Debian: prometheus)")


def promtool(*arguments: str, text: str = "") -> str:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    made = Metrics.on(CollectorRegistry(), "0.1.0")
    made.notifies("alertmanager-1", ["timeout"])
    list(families(made))
    return made


@pytest.fixture(scope="module")
def exported(metrics: Metrics) -> set[str]:
    """The names of all series."""
    series = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    return series | _declared(metrics)


def _declared(metrics: Metrics) -> set[str]:
    """Of metrics that have no series yet, the names of those to come."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    return {family.name + end for family in metrics.registry.collect() for end in suffixes[family.type]}


def names(query: str) -> set[str]:
    """The metrics of a query."""
    return set(re.findall(r"\b(?:gnomon_\w+|up\b|ALERTS\b)", query))


@with_promtool
def test_prometheus_finds_nothing_to_say_against_the_metrics(metrics: Metrics) -> None:
    assert promtool("check", "metrics", text=generate_latest(metrics.registry).decode()) == ""


@with_promtool
def test_the_rules_do_what_they_say(tmp_path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", str(RULES))
    cases = (Path(__file__).parent / "rules_test.yml").read_text()
    tried = {
        case["alertname"] for test in yaml.safe_load(cases)["tests"] for case in test["alert_rule_test"] if "exp_alerts" in case
    }
    assert tried == {rule["alert"] for rule in rules()}
    (tmp_path / "tests.yml").write_text(cases.replace("RULES", str(RULES)))
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "tests.yml"))


def rules() -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def test_the_rules_ask_for_what_there_is_and_lead_to_a_runbook(exported: set[str]) -> None:
    page = (ROOT / "docs" / "service-health.md").read_text()
    headings = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert names(rule["expr"]) <= exported | OF_PROMETHEUS, rule["alert"]
        assert names(rule["expr"]), rule["alert"]
        url = rule["annotations"]["runbook_url"]  # type: ignore[index]  # a table
        assert url == f"docs/service-health.md#{rule['alert'].lower()}"


def test_the_dashboard_is_what_its_script_makes() -> None:
    made = runpy.run_path(str(EXAMPLES / "grafana_dashboard.py"))["dashboard"]()
    assert json.loads((EXAMPLES / "grafana-dashboard.json").read_text()) == made


def test_every_metric_of_the_dashboard_is_exported(exported: set[str]) -> None:
    document = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in document["panels"] for target in panel.get("targets", [])]
    queries += [each["expr"] for each in document["annotations"]["list"]]
    assert len(queries) > 20
    for query in queries:
        assert names(query), query
        assert names(query) <= exported | OF_PROMETHEUS, query


def test_panels_have_places_and_numbers_of_their_own() -> None:
    panels = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
