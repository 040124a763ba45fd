"""Detectors beside the scan: how they are named, that they are River's, and what of them survives a restart."""

import pickle
import random
from typing import Any, ClassVar

import numpy as np
import pytest
from river import drift
from river.drift import binary

from app.domain.detection.detector_pickles import loaded
from app.domain.detection.detector_specs import class_of, spec_of
from app.domain.detection.detector_suite import check_detector
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.opinion import ADWIN, Opinion, OtherOpinion, opinions_on, restored
from app.domain.detection.state_codec import StateError, decode_state, encode_state
from schemas.statistics import Signal

RIVERS = [
    ("river.drift.PageHinkley(threshold=20)", drift.PageHinkley(threshold=20)),
    ("river.drift.ADWIN(delta=0.01)", drift.ADWIN(delta=0.01)),
    ("river.drift.KSWIN(seed=1, window_size=60)", drift.KSWIN(seed=1, window_size=60)),
    ("river.drift.binary.DDM()", binary.DDM()),
    ("river.drift.binary.EDDM()", binary.EDDM()),
    ("river.drift.binary.HDDMA()", binary.HDDMA()),
    ("river.drift.binary.HDDMW()", binary.HDDMW()),
]
NAMES = [text for text, _ in RIVERS]


def _values(text: str, count: int = 3_000) -> list[float]:
    """A change half way, of a number or of a share."""
    rng, half = np.random.default_rng(3), count // 2
    if "binary" in text:
        return (rng.random(count) < np.repeat([0.1, 0.5], half)).astype(float).tolist()
    return (rng.normal(size=count) + np.repeat([0.0, 2.0], half)).tolist()


@pytest.mark.parametrize(("text", "detector"), RIVERS, ids=NAMES)
def test_an_opinion_is_what_river_says(text: str, detector: Any) -> None:
    values, cuts = _values(text), []
    for number, value in enumerate(values, 1):
        detector.update(value)
        if detector.drift_detected:
            cuts.append(number)
            detector = spec_of(text).make()
    opinion = OtherOpinion(spec_of(text))
    opinion.take(values)

    assert cuts
    assert opinion.cuts == cuts[-8:]
    assert opinion.as_evidence() == {"detector": text, "cuts": [len(values) - cut for cut in cuts[-8:]]}


@pytest.mark.parametrize("text", NAMES)
def test_neither_cuts_nor_restarts_change_an_opinion(text: str) -> None:
    values = _values(text)
    whole = OtherOpinion(spec_of(text))
    pieces: Opinion | OtherOpinion = OtherOpinion(spec_of(text))
    whole.take(values)
    for begin in range(0, len(values), 271):
        pieces.take(values[begin : begin + 271])
        pieces = restored(decode_state(encode_state(pieces.dump())))

    assert pieces.as_evidence() == whole.as_evidence()
    assert pieces.cuts


@pytest.mark.parametrize("text", ["river.drift.PageHinkley()", "river.drift.ADWIN()", "river.drift.binary.DDM()"])
def test_rivers_detectors_pass_the_suite(text: str) -> None:
    assert [verdict for verdict in check_detector(text) if not verdict.kept] == []


def test_the_state_of_another_version_is_not_read() -> None:
    opinion = OtherOpinion(spec_of(NAMES[0]))
    opinion.take([0.0] * 100)
    back = restored(opinion.dump() | {"version": "0.1", "engine": b"never looked at"})

    assert (back.values, back.since) == (100, 100)


class Evil:
    """What a pickle can do that nobody reads with care."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[Any, ...]:
        function, *arguments = self.reduced
        return function, tuple(arguments)


def test_a_state_that_names_code_is_refused() -> None:
    with pytest.raises(StateError, match=r"names builtins\.exec, which no detector needs"):
        loaded(pickle.dumps(Evil(exec, "raise SystemExit('code of a checkpoint was run')")), drift.PageHinkley)
    with pytest.raises(StateError, match="takes __init__ of a PageHinkley, which no detector needs"):
        loaded(pickle.dumps(Evil(getattr, drift.PageHinkley(), "__init__")), drift.PageHinkley)
    with pytest.raises(StateError, match="takes seed of a Random, which no detector needs"):
        loaded(pickle.dumps(Evil(getattr, random.Random(1), "seed")), drift.PageHinkley)
    with pytest.raises(StateError, match="holds a DDM, expected a PageHinkley"):
        loaded(pickle.dumps(binary.DDM()), drift.PageHinkley)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ddm", "'ddm' names no detector: allowed are scan, adwin, one of River's"),
        ("river.drift.PageHinkley", "names no detector"),
        ("river.drift.PageHinkley(30)", "names no detector"),
        ("river.drift.PageHinkley(threshold=open('x'))", "names no detector"),
        ("river.drift.PageHinkley() on residual", "names no detector"),
        ("river.drift.Nothing()", "makes no detector .*there is no river.drift.Nothing"),
        ("river.drift.PageHinkley(thresh=1)", "makes no detector .*thresh"),
        ("os.system()", "makes no detector .*there is no os.system"),
        ("river.stats.Mean()", "makes no detector"),
    ],
)
def test_what_is_no_detector_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spec_of(text)
    with pytest.raises(ValueError, match=said):
        DriftConfig(detectors=("scan", text))


def test_who_is_asked_about_what() -> None:
    income, owner, wrong = Signal("feature", "income"), Signal("feature", "owner"), Signal("disagreement")
    named = ["scan", ADWIN, "river.drift.PageHinkley() on values", "river.drift.binary.DDM()",
             "river.drift.ADWIN() for disagreement", "river.drift.KSWIN() for feature/income"]  # fmt: skip

    def asked(signal: Signal, *, boolean: bool) -> list[str]:
        return [each.as_evidence()["detector"] for each in opinions_on(signal, named, boolean=boolean)]

    assert asked(income, boolean=False) == ["river.drift.ADWIN", named[2], named[5]]
    assert asked(owner, boolean=True) == [named[3]]
    assert asked(wrong, boolean=True) == [named[3], named[4]]
    assert spec_of(named[2]).on_values


class Loud:
    """A detector of somebody's own: it alarms at each value above its limit."""

    def __init__(self, limit: float = 3.0) -> None:
        self.limit, self.drift_detected = limit, False

    def update(self, x: float) -> None:
        self.drift_detected = x > self.limit


class Forgetful(Loud):
    """One that is broken: it grows, and what it knows is not in its state."""

    seen: ClassVar[list[float]] = []

    def update(self, x: float) -> None:
        self.seen.append(x)
        self.grown = [*getattr(self, "grown", []), x]
        self.drift_detected = len(self.seen) % 40_001 == 0


@pytest.fixture
def _installed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that registers both."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    names = "".join(f"{kind.__name__.lower()} = {kind.__module__}:{kind.__name__}\n" for kind in (Loud, Forgetful))
    (info / "entry_points.txt").write_text(f"[gnomon.detectors]\n{names}")
    monkeypatch.syspath_prepend(tmp_path)
    class_of.cache_clear()


@pytest.mark.usefixtures("_installed")
def test_the_suite_finds_what_is_broken() -> None:
    broken = {verdict.rule for verdict in check_detector("forgetful()") if not verdict.kept}

    assert broken >= {"the same again", "its memory is bounded"}


@pytest.mark.usefixtures("_installed")
def test_a_class_of_ones_own_is_found_by_its_entry_point() -> None:
    opinion = OtherOpinion(spec_of("loud(limit=1.5)"))
    opinion.take([0.0, 2.0, 0.0, 1.0, 9.0])

    assert opinion.cuts == [2, 5]
    assert restored(opinion.dump()).cuts == [2, 5]
