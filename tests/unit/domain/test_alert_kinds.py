"""Labels and fingerprints."""

import re
from pathlib import Path
from typing import get_args

import pytest

from app.domain.decisions.alert_kinds import ALERT_NAMES, OF_SIGNAL, fingerprint, labels, segment_label, short, signal_label
from schemas.statistics import Signal, SignalKind

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
#: Counts, by which the traffic is judged.
NOT_YET = {"pairing"}


def test_every_signal_kind_is_an_alert_or_known_not_to_be() -> None:
    assert set(OF_SIGNAL) | NOT_YET == set(get_args(SignalKind))


def test_a_fingerprint_is_stable() -> None:
    """A changed fingerprint makes every firing alert a new one: it is part of the contract."""
    assert fingerprint({"alertname": "FeatureDrift", "model": "credit", "signal": "feature/income"}) == "ca61ac86962574e3"


def test_a_fingerprint_does_not_depend_on_the_order_of_labels() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


@pytest.mark.parametrize("changed", [{"a": "1", "b": "3"}, {"a": "1"}, {"a": "1", "c": "2"}, {"a": "1b", "": "2"}])
def test_a_fingerprint_depends_on_every_label(changed: dict[str, str]) -> None:
    assert fingerprint({"a": "1", "b": "2"}) != fingerprint(changed)


def test_labels_that_do_not_apply_are_absent() -> None:
    given = labels(OF_SIGNAL["match_rate"], "critical", model="credit", version="", role="", signal="match_rate", segment="")
    assert given == {"alertname": "MatchRateLow", "severity": "critical", "model": "credit", "signal": "match_rate"}


def test_label_names_are_what_alertmanager_takes() -> None:
    given = labels(OF_SIGNAL["cost"], "warning", model="m", version="1", role="legacy", signal="cost", segment="a=b", topic="t")
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in given)


def test_segments_are_one_label() -> None:
    assert segment_label({"country": "DE", "channel": "web"}) == "channel=web,country=DE"
    assert segment_label(None) == ""


def test_long_names_are_cut_and_stay_different() -> None:
    one, other = (signal_label(Signal("feature", "x" * 500 + end)) for end in "ab")
    assert one != other
    assert max(len(one.encode()), len(other.encode())) <= 120
    assert one.startswith("feature/xxx")


@pytest.mark.parametrize("text", ["ü" * 100, "a" + "😀" * 50, "x" * 121])
def test_a_cut_text_is_text(text: str) -> None:
    assert len(short(text).encode()) <= 120
    assert "�" not in short(text)


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert sorted(page.stem for page in RUNBOOKS.glob("*.md")) == sorted(ALERT_NAMES)


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_a_runbook_says_what_to_do(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {name}\n")
    wanted = ["## What it means", "## How it fires and resolves", "## First look", "## What to do"]
    assert [line for line in page.splitlines() if line in wanted] == wanted


def test_the_page_on_alerts_lists_every_kind_with_its_severities() -> None:
    page = (RUNBOOKS.parent / "alerts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\(runbooks/\1\.md\) \| [^|]* \| ([^|]*) \|", page, re.MULTILINE))
    kinds = {kind.name: kind for kind in OF_SIGNAL.values()}
    assert set(rows) == set(ALERT_NAMES)
    for name, kind in kinds.items():
        wanted = kind.severity if kind.severity == kind.of_a_shadow else f"{kind.severity}; of a shadow {kind.of_a_shadow}"
        assert rows[name].strip() == wanted
