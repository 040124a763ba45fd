"""The overview on a shell: how the three stand, the worst first, and no name that a terminal would obey."""

import doctest

import msgspec

from app import status
from app.read_model.gathering import Gathering
from app.read_model.views import Overview, Stale
from app.status import lines
from tests.read_model_records import ALERTS, LETTERS, STATISTICS, TRIGGERS, alert, fed, letter, overview, pairing

from tests.read_model_records import statistics, trigger  # isort: skip

NOTHING = Gathering().view(0, None, {0: None})


def some(*records: tuple[int, object]) -> Overview:
    return overview(fed((STATISTICS, pairing(read=20, paired=9, legacy_only=1)), *records))  # type: ignore[arg-type]  # of the builders


def critical(name: str, **changes: object) -> object:
    return alert(labels={"alertname": name, "severity": "critical", "model": "credit"}, **changes)


def test_the_examples_in_the_texts() -> None:
    assert doctest.testmod(status).failed == 0


def test_how_the_three_stand_is_on_top() -> None:
    text = list(lines(some((STATISTICS, statistics()), (LETTERS, letter()))))
    assert text[1:4] == [
        "◌  models  Not known yet: Nothing is watched yet.",
        "✓  data    Healthy: 1 signal quiet.",
        "✓  stream  Healthy: 90.00 % paired; 1 dead letter.",
    ]
    text = list(lines(some((STATISTICS, statistics(kind="prediction", name="")), (ALERTS, critical("PredictionDrift")))))
    assert text[1] == "▲  models  Unhealthy: 1 alert firing, 1 critical."


def test_nothing_known_is_neither_good_nor_bad() -> None:
    seen = msgspec.structs.replace(NOTHING, stale=Stale(None, "Redis does not answer"))
    text = list(lines(seen))
    assert text[0] == "as of none UTC"
    assert text[3] == "◆  stream  Needs a look: What is shown is not new: Redis does not answer."


def test_the_worst_model_is_first_and_what_is_left_out_is_said() -> None:
    seen = some(
        *((STATISTICS, statistics(f"m{at}", state="drift" if at == 7 else "quiet")) for at in range(9)), (TRIGGERS, trigger())
    )
    text = list(lines(seen, rows=2))
    at = text.index("10 models")
    assert text[at + 2].split()[:3] == ["m7", "▲", "Drift"]
    assert text[at + 4] == "  … and 8 more"
    assert text[-1].split() == ["2026-09-21", "14:13:20", "data_drift", "credit", "1.4.0", "40", "not_required", "t1"]


def test_a_name_moves_no_cursor() -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\u202e\n\r\u2028name"
    for line in lines(some((STATISTICS, statistics(hostile, hostile)), (ALERTS, alert(model=hostile)))):
        assert line.isprintable(), line
