"""What a run found, for people and for machines: sent, paired, lost, twice, wrong, dead letters, delays; passed or failed."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from load.checker import Findings
from load.sender import Account
from load.truth import Truth

__all__ = ["Delays", "Report", "delays", "human"]


class Delays(Struct, frozen=True):
    """Milliseconds from the planned time of a request's last half to the sight of its pair record."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Report(Struct, kw_only=True):
    """One run. ``faults`` counts by kind; a run without faults has passed."""

    scenario: str
    seed: int
    requests: int
    sent: dict[str, int]
    sent_per_s: float
    behind_ms: float
    paced: bool
    verified: bool
    elapsed_s: float
    statuses: dict[str, int] = {}
    expected_statuses: dict[str, int] = {}
    dead_letters: dict[str, int] = {}
    expected_dead_letters: dict[str, int] = {}
    complete: Delays | None = None
    incomplete: Delays | None = None
    alerts: dict[str, int] = {}
    triggers: int = 0
    faults: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    passed: bool = True

    def add(self, findings: Findings, truth: Truth) -> None:
        """Take over what the checker found."""
        self.statuses, self.expected_statuses = dict(findings.statuses), dict(truth.statuses())
        self.dead_letters, self.expected_dead_letters = dict(findings.reasons), dict(truth.reasons())
        self.complete, self.incomplete = delays(findings.complete_s), delays(findings.incomplete_s)
        self.faults, self.examples = dict(findings.faults), findings.examples
        self.passed = not self.faults


def begun(scenario: str, seed: int, requests: int, account: Account, *, paced: bool) -> Report:
    """The report of a run whose sending is done."""
    return Report(
        scenario=scenario, seed=seed, requests=requests, sent=account.topics, sent_per_s=round(account.rate, 1),
        behind_ms=round(account.behind_s * 1000, 1), paced=paced, verified=False, elapsed_s=account.ended - account.started,
    )  # fmt: skip


def delays(seconds: Sequence[float]) -> Delays | None:
    """The quantiles, or nothing of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    last = len(ordered) - 1
    at = [ordered[round(share * last)] * 1000 for share in (0.5, 0.99, 1.0)]
    return Delays(len(ordered), *(round(value, 1) for value in at))


def human(report: Report) -> str:
    """The report as a person reads it."""
    lines = [
        f"{report.scenario}: {report.requests:,} requests, seed {report.seed}; sent "
        + ", ".join(f"{count:,} to {topic}" for topic, count in sorted(report.sent.items()))
        + f" at {report.sent_per_s:,.0f} events/s"
        + (f", at most {report.behind_ms:,.0f} ms behind the plan" if report.paced else ", as fast as possible")
    ]
    if report.verified:
        lines.append(f"pairs         {_beside(report.statuses, report.expected_statuses)}")
        lines.append(f"dead letters  {_beside(report.dead_letters, report.expected_dead_letters) or 'none, as expected'}")
        measured = (("complete", report.complete), ("incomplete", report.incomplete))
        lines += [_delay_line(name, found) for name, found in measured if found]
        lines.append(f"alerts        {_counts(report.alerts) or 'none'}; retrain triggers {report.triggers}")
        lines += [f"FAULT {kind}: {count:,}, as {report.examples[kind][0]}" for kind, count in sorted(report.faults.items())]
        lines.append("passed" if report.passed else "FAILED")
    return "\n".join(lines)


def as_json(report: Report) -> bytes:
    """The report on one line."""
    return msgspec.json.encode(report)


def _delay_line(name: str, found: Delays) -> str:
    return (
        f"delay         {name}: p50 {found.p50_ms:,.0f} ms, p99 {found.p99_ms:,.0f} ms, max {found.max_ms:,.0f} ms, "
        f"from the planned time of the last half, {found.count:,} requests"
    )


def _counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def _beside(found: dict[str, int], expected: dict[str, int]) -> str:
    """Each count; with what was expected where that is another one."""
    names = sorted(found.keys() | (expected.keys() - {"either", "split"}))
    parts = []
    for name in names:
        want = expected.get(name, 0)
        is_open = expected.get("either", 0) or expected.get("split", 0)
        same = found.get(name, 0) == want
        parts.append(f"{name} {found.get(name, 0):,}" + ("" if same else f" ({'at least' if is_open else 'expected'} {want:,})"))
    return ", ".join(parts)
