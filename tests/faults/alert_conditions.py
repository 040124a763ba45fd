"""Ten thousand alert conditions over three hours of event time: which models, by which rules, and how each condition goes.

A condition is one signal of one model. Each is spoken of every five minutes, as the detect role would, and each drifts at some
time. How it goes is drawn from the seed: once, for good, again and again, falling silent, or through every state there is.

The rules of a group of models are those of `[models.NAME.alerts]`. With `plain` and `patient` nothing is held back, so each
condition has to be told; `usual` has the defaults and `frugal` pages twice a week at most.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["GROUPS", "SIGNALS", "STEPS", "STEP_MS", "Conditions", "Record", "group_of"]

STEP_MS, STEPS = 300_000, 36
#: 2026-09-21T14:13:20Z.
START_MS = 1_790_000_000_000
_ALL_TOLD: Mapping[str, Any] = {
    "group_s": 0, "inhibit": False, "pages_per_week": 10_000, "forget_after_s": 3_600, "flap_s": 3_600,
}  # fmt: skip
#: The settings of the alerts of each group of models; what is not named is as it is by default.
GROUPS: Mapping[str, Mapping[str, Any]] = {
    "plain": _ALL_TOLD,
    "usual": {},
    "patient": {**_ALL_TOLD, "for_s": 300},
    "frugal": {"pages_per_week": 2},
}
_FEATURES = [f"f{number:02}" for number in range(11)]
#: Kind, name, role, segment of what a model is watched for.
SIGNALS = (
    *(("feature", name, "legacy", None) for name in _FEATURES),
    ("feature", "f00", "legacy", {"channel": "web"}),
    ("missing", "f00", "legacy", None), ("missing", "f01", "legacy", None), ("prediction", "", "legacy", None),
    ("prediction", "", "shadow", None), ("latency", "", "legacy", None), ("cost", "", "legacy", None),
    ("disagreement", "", "shadow", None), ("difference", "", "shadow", None),
)  # fmt: skip
_VERSIONS = {"legacy": "1.4.0", "shadow": "2.0.0"}
#: May fall silent: the others of their panel go on, so time goes on for them.
_MAY_FALL_SILENT = frozenset(_FEATURES[2:])
_COURSES = {"once": 45, "stays": 15, "flaps": 15, "falls silent": 10, "wavers": 15}


class Record(NamedTuple):
    """One record of `drift.statistics`, when its window ends (ms), and whose it is."""

    at: int
    model: str
    key: bytes
    id: str
    value: bytes


def group_of(model: str) -> str:
    """The group of a model is the first word of its name."""
    return model.partition("-")[0]


class Conditions:
    """So many conditions, in models of twenty, from a seed."""

    def __init__(self, count: int, seed: int) -> None:
        names = list(GROUPS)
        self.models = [f"{names[at % len(names)]}-{at:04}" for at in range(count // len(SIGNALS))]
        rng = random.Random(seed)
        self.courses = {(model, at): _course(rng, signal) for model in self.models for at, signal in enumerate(SIGNALS)}

    def __len__(self) -> int:
        return len(self.courses)

    def toml(self) -> str:
        """The configuration of a worker that knows these models. No triggers: there are no pairs to train on."""
        tables = [f'[models."{model}".alerts]\n{_settings(GROUPS[group_of(model)])}' for model in self.models]
        return "[models.default.retrain]\nenabled = false\n" + "\n".join(tables)

    def records(self) -> Iterator[Record]:
        """All of them in the order of their times; the models' windows end one after another."""
        for step in range(STEPS):
            for number, model in enumerate(self.models):
                start = START_MS + step * STEP_MS + number * STEP_MS // len(self.models)
                for at, signal in enumerate(SIGNALS):
                    state = self.courses[model, at][step]
                    if state:
                        yield _record(model, signal, start, state)


def _settings(group: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in group.items())


def _course(rng: random.Random, signal: tuple[str, str, str, Any]) -> list[str]:
    """The detector's state at each step; empty where nobody speaks of the signal."""
    course, begins = rng.choices(list(_COURSES), list(_COURSES.values()))[0], rng.randrange(1, STEPS * 2 // 3)
    lasts = rng.randrange(1, STEPS // 3)
    if course == "falls silent" and not (signal[0] == "feature" and signal[1] in _MAY_FALL_SILENT):
        course = "once"
    if course == "flaps":
        return [
            ("drift", "quiet", "quiet", "quiet", "quiet")[(step - begins) % 5] if step >= begins else "quiet"
            for step in range(STEPS)
        ]
    if course == "wavers":
        states = rng.choices(("drift", "warning", "quiet", "warming"), (30, 10, 50, 10), k=STEPS)
        states[rng.randrange(STEPS)] = "drift"
        return states
    after = {"once": "quiet", "stays": "drift", "falls silent": ""}[course]
    return ["quiet"] * begins + (["drift"] * lasts + [after] * STEPS)[: STEPS - begins]


def _record(model: str, signal: tuple[str, str, str, Any], start: int, state: str) -> Record:
    kind, name, role, segment = signal
    end, version = start + STEP_MS - 1, _VERSIONS[role]
    score = {"drift": 1.31, "warning": 0.8}.get(state, 0.2)
    value = {
        "model": model, "version": version, "role": role, "signal": {"kind": kind, "name": name}, "segment": segment,
        "window": {"start": start, "end": end, "events": 1_000},
        "statistics": {
            "values": 1_000.0, "mean": 4902.8, "sd": 793.1, "direction": "location up",
            "change": {"offset": 1, "timestamp": start, "events": 512},
            "effect": {"size": 0.41, "values": 512, "mean": 5127.4, "reference_mean": 4811.0},
        },
        "detector": {"name": "scan", "state": state, "score": score, "threshold": 1.0},
        "coverage": {"paired": 1_000, "partial": 0, "legacy_only": 0, "shadow_only": 0},
        "offsets": [], "configuration": "sha256:" + "0" * 64,
    }  # fmt: skip
    of_segment = ",".join(f"{label}={said}" for label, said in sorted((segment or {}).items()))
    key = f"{model}|{version}|{kind}{'/' if name else ''}{name}|{of_segment}"
    return Record(end, model, key.encode(), f"{key}/{start}", json.dumps(value).encode())
