"""The contest as two figures in ``docs/figures``: false alarms beside their budget, and delays beside what is possible.

python -m tests.benchmarks.detection.plots         draws them anew from ``docs/detection.json``
"""

from collections.abc import Iterable
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib import pyplot as plt

from tests.benchmarks.detection.bounds import alarms_allowed, known_change
from tests.benchmarks.detection.contest import OURS, ROWS, Heard
from tests.benchmarks.detection.results import RESULTS, Results, read
from tests.benchmarks.detection.streams import Change, Null

__all__ = ["draw"]

FIGURES = Path(__file__).parents[3] / "docs" / "figures"
#: Contestants that are in both figures, with a mark for each: shape as well as colour tells them apart.
MARKS = {
    OURS: ("o", "#0b5cad"),
    "ADWIN": ("^", "#b45309"),
    "ADWIN per category": ("^", "#b45309"),
    "PageHinkley z": ("s", "#6b7280"),
    "PageHinkley": ("s", "#6b7280"),
    "DDM": ("x", "#7c3aed"),
    "KS .05 W500": ("D", "#047857"),
    "chi2 .05 W500": ("D", "#047857"),
    "PSI .2 W500": ("v", "#be123c"),
}


def draw(results: Results) -> None:
    """Write both figures."""
    FIGURES.mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "gnomon"  # the same results, the same bytes
    _false_alarms(results)
    _delays(results)


def _rows(results: Results, kind: type) -> list[str]:
    return [name for name in results.rows if isinstance(ROWS[name], kind)]


def _legend(figure: plt.Figure, axes: plt.Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=4, fontsize=8)


def _canvas(names: list[str], title: str, label: str) -> tuple[plt.Figure, plt.Axes]:
    figure, axes = plt.subplots(figsize=(9, 0.27 * len(names) + 1.6), layout="constrained")
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(label, fontsize=9)
    return figure, axes


def _save(figure: plt.Figure, name: str) -> None:
    figure.savefig(FIGURES / name, format="svg", metadata={"Date": None})
    plt.close(figure)


def _marks(axes: plt.Axes, at: int, points: Iterable[tuple[str, float, bool]]) -> None:
    for name, value, hollow in points:
        mark, colour = MARKS[name]
        face = "none" if hollow and mark != "x" else colour
        label = name.removesuffix(" per category")
        axes.scatter(
            value, at, marker=mark, s=26, facecolors=face, edgecolors=colour if mark != "x" else None, label=label, zorder=3
        )


def _false_alarms(results: Results) -> None:
    names = _rows(results, Null)
    figure, axes = _canvas(
        names, "False alarms of streams without drift, beside the budget", "alarms for 10,000 values; none: at the left edge"
    )
    floor = 0.3 / max(said[OURS].values for name in names for said in [results.rows[name]]) * 1e4
    for at, name in enumerate(names):
        said = results.rows[name]
        limit = 1e4 * alarms_allowed(said[OURS].values, results.budget) / said[OURS].values
        axes.plot([limit, limit], [at - 0.4, at + 0.4], color="black", linewidth=1.5, label="most that chance allows")
        _marks(
            axes,
            at,
            ((who, max(1e4 * each.false_alarms / each.values, floor), False) for who, each in said.items() if who in MARKS),
        )
    _legend(figure, axes)
    _save(figure, "false-alarms.svg")


def _kept(heard: Heard, budget: float) -> bool:
    return heard.false_alarms <= alarms_allowed(heard.values, budget)


def _delays(results: Results) -> None:
    names = _rows(results, Change)
    figure, axes = _canvas(
        names, "Median delay of a change; hollow: bought with more false alarms than allowed", "values after the change"
    )
    for at, name in enumerate(names):
        row, said = ROWS[name], results.rows[name]
        known = known_change(results.budget, row.divergence if isinstance(row, Change) else None)
        if known is not None and known > 1:
            axes.plot([known, known], [at - 0.4, at + 0.4], color="black", linewidth=1.5, label="a CUSUM that knows the change")
        found = ((who, each) for who, each in said.items() if who in MARKS and 2 * each.missed <= each.repetitions)
        _marks(axes, at, ((who, median(each.delays), not _kept(each, results.budget)) for who, each in found))
    _legend(figure, axes)
    _save(figure, "delays.svg")


if __name__ == "__main__":
    draw(read(RESULTS))
