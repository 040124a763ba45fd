"""The contest as tables. A cross: more alarms than chance allows at the budget; brackets: a delay bought with those."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from tests.benchmarks.detection.bounds import alarms_allowed, known_change, lorden
from tests.benchmarks.detection.contest import OURS, ROWS, Heard
from tests.benchmarks.detection.results import RESULTS, Results
from tests.benchmarks.detection.streams import Change, Null

__all__ = ["tables", "write_page"]

Rows = dict[str, dict[str, Heard]]
PAGE = RESULTS.with_suffix(".md")
BEGIN, END = "<!-- begin of results -->\n", "<!-- end of results -->\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, rows)])


def _false_alarms(heard: Heard, budget: float) -> str:
    allowed = alarms_allowed(heard.values, budget)
    over = heard.false_alarms > allowed
    return f"{1e4 * heard.false_alarms / heard.values:.2f} ({heard.false_alarms}/{allowed}){' ✗' if over else ''}"


def _delay(heard: Heard, budget: float) -> str:
    if 2 * heard.missed > heard.repetitions:
        return f"missed ({heard.missed}/{heard.repetitions})"
    cell = f"{median(heard.delays):,.0f}" + (f" ({heard.missed} missed)" if heard.missed else "")
    return f"[{cell}]" if heard.false_alarms > alarms_allowed(heard.values, budget) else cell


def _change_row(name: str, said: dict[str, Heard], budget: float, rivals: Sequence[str]) -> list[str]:
    row = ROWS[name]
    assert isinstance(row, Change)
    bound, known = lorden(budget, row.divergence), known_change(budget, row.divergence)
    found = said[OURS].delays
    ratio = f" · {median(found) / known:.2f}" if known and found else ""
    late = f"{np.quantile(found, 0.95):,.0f}" if found else "-"
    allowed = alarms_allowed(said[OURS].values, budget)
    return [
        name, f"{bound:,.0f}" if bound else "-", f"{known:,.0f}" if known else "-", _delay(said[OURS], budget) + ratio, late,
        f"{said[OURS].false_alarms}/{allowed}", *(_delay(said[rival], budget) for rival in rivals),
    ]  # fmt: skip


def _by_rivals(results: Rows, kind: type) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, said in results.items():
        if said and isinstance(ROWS[name], kind):
            groups.setdefault(tuple(rival for rival in said if rival != OURS), []).append(name)
    return groups


def tables(everything: Results) -> str:
    """False alarms of the streams without drift, then delays."""
    results, budget = everything.rows, everything.budget
    parts = []
    for rivals, names in _by_rivals(results, Null).items():
        rows = [
            [name, _false_alarms(results[name][OURS], budget), _cost(results[name][OURS]),
             *(_false_alarms(results[name][rival], budget) for rival in rivals)]
            for name in names
        ]  # fmt: skip
        parts.append(_table(["stream", OURS, "µs a value", *rivals], rows))
    for rivals, names in _by_rivals(results, Change).items():
        rows = [_change_row(name, results[name], budget, rivals) for name in names]
        head = ["change", "Lorden", "known", f"{OURS} · x known", "95 %", "before", *rivals]
        parts.append(_table(head, rows))
    return "\n\n".join(parts)


def _cost(heard: Heard) -> str:
    return f"{1e6 * heard.seconds / heard.fed:.2f}"


def write_page(everything: Results) -> None:
    """Put the tables into the page where the former ones are."""
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + tables(everything) + "\n" + END + rest.split(END)[1])
