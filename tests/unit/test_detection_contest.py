"""The contest of ``make bench-detection`` on two seeds: it counts what was said, and its page and figures can be made of it."""

from pathlib import Path

import pytest

from tests.benchmarks.detection import plots, report, results
from tests.benchmarks.detection.bounds import alarms_allowed, known_change, lorden
from tests.benchmarks.detection.contest import OURS, Heard, Task, run
from tests.benchmarks.detection.results import Results


@pytest.fixture(scope="module")
def found() -> Results:
    rows = {name: run(Task(name, [2, 3], 1e5, rivals=True)) for name in ("Bernoulli .05", "mean +2 sd", "share 0.05 to 0.2")}
    return Results(1e5, 2, 2, rows)


def test_a_change_is_found_by_all_who_can(found: Results) -> None:
    said = found.rows["mean +2 sd"]

    assert all(delay < 40 for delay in said[OURS].delays)
    assert [said[name].missed for name in (OURS, "ADWIN", "PageHinkley")] == [0, 0, 0]
    assert said["ADWIN"].delays == [32, 32]  # it looks each 32 values
    assert said[OURS].values == 2 * 15_000


def test_page_and_figures_are_made_of_what_was_kept(found: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, figures = tmp_path / "detection.md", tmp_path / "figures"
    page.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(plots, "FIGURES", figures)
    results.write(found, tmp_path / "kept.json")
    kept = results.read(tmp_path / "kept.json")
    report.write_page(kept)
    plots.draw(kept)

    assert kept == found
    assert page.read_text().startswith(f"before\n{report.BEGIN}| stream | gnomon |")
    assert page.read_text().endswith(f"{report.END}after\n")
    assert "| mean +2 sd | 6 | 6 |" in page.read_text()
    assert {path.name for path in figures.iterdir()} == {"false-alarms.svg", "delays.svg"}


def test_false_alarms_beyond_chance_and_delays_bought_with_them_are_marked() -> None:
    noisy = Heard(repetitions=2, values=30_000, false_alarms=9, delays=[5, 7], fed=1, seconds=1.0)
    rows = {"Bernoulli .05": {OURS: noisy}, "mean +2 sd": {OURS: noisy}}
    text = report.tables(Results(1e5, 1, 2, rows))

    assert "3.00 (9/2) ✗" in text
    assert "| [6]" in text


def test_bounds() -> None:
    assert round(lorden(1e5, 0.5**2 / 2) or 0) == 92
    assert round(known_change(1e5, 0.25**2 / 2) or 0) == 226
    assert (lorden(1e5, None), known_change(1e5, None)) == (None, None)
    assert alarms_allowed(3e6, 1e5) == 41
