"""All that is watched of one model: its inputs, the answers of each version, and how its halves match.

- *Inputs* (features, their missing shares): one panel for the model. A new legacy version keeps it, since the world did not
  change with the deployment; its records are named after the version that serves. That name moves on, at the end of a
  window, once the version was not seen in all of it; so a canary does not make it flicker.
- *Answers* (prediction, latency, cost; for a shadow also difference and disagreement): one panel for each version. A new
  version begins anew, with a warm-up of its own: another model may answer otherwise, that is no drift.
- *Matching*: the share of requests that came out ``paired``, of those for which a shadow was expected.
- *Volume*: how many requests there are, see ``app.domain.detection.volume_watch``.

A version that was not seen in 20,000 of the model's records is given up, and what was open under its name is closed with a
last record. Bounded: ``config.versions`` legacy and as many shadow versions at a time; beyond them records are counted in
``refused``.

Delivery guarantees: a pure function of the model's pair records; ``dump`` and ``load`` are bit for bit.
"""

from collections.abc import Generator
from typing import Any

from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.input_panel import InputPanel
from app.domain.detection.pair_columns import Halves, PairColumns
from app.domain.detection.pair_rows import answer_rows, input_rows, matching_rows, pair_rows
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.volume_watch import VolumeWatch
from schemas.statistics import Role

__all__ = ["Looking", "ModelWatch"]

#: Parts of the model's budget of false alarms: half for the inputs, half for what the model and its shadows make of them, of
#: which outcomes have a seventh of the whole (``outcome_watch``). Legacy versions succeed each other; shadows that are watched at
#: one time share theirs.
_INPUTS, _MATCHING, _VOLUME = 0.5, 0.05, 0.05
_ANSWERS: dict[Role, float] = {"legacy": 0.1, "shadow": 0.15}

#: A look at pairs, in steps of some milliseconds; what it returns is what there is to say.
Looking = Generator[None, None, list[Emission]]

#: Records of a model after which an unseen version is given up, and how often that is looked at.
_FORGET, _LOOK = 20_000, 1_000
#: Records that are looked at in one go: what holding lets go, 2,048 and the run that made it so many, is mostly one such part.
#: A panel's part is a step of the loop, of some milliseconds. No decision depends on it.
_TOGETHER = 3_072


class ModelWatch:
    """See the module's text. ``part``: of the model's budget of false alarms."""

    def __init__(self, source: Source, config: DriftConfig, part: float = 1.0) -> None:
        self.source, self.config, self.part = source, config, part
        self.records = self.refused = 0
        self._ended = AlarmCounts()
        self.inputs: InputPanel | None = None
        self.matching = Panel("all", "", source, config, part=part * _MATCHING)
        self.volume = VolumeWatch(source, config, part * _VOLUME)
        #: For each role and version its panel, and the number of the record that it was last seen in.
        self.answers: dict[tuple[Role, str], Panel] = {}
        self.seen: dict[tuple[Role, str], int] = {}

    @property
    def panels(self) -> list[Panel]:
        """All panels."""
        inputs = [] if self.inputs is None else [self.inputs]
        return [*inputs, self.matching, self.volume.panel, *self.answers.values()]

    @property
    def alarms(self) -> AlarmCounts:
        """Alarms so far, those of versions that are gone included."""
        return self._ended.and_(*(panel.counts for panel in self.panels))

    @property
    def refusals(self) -> int:
        """What the bounds refused: halves of too many versions, values of too many features, requests too late to be counted."""
        return self.refused + self.volume.late + sum(panel.refused for panel in self.panels)

    def feed(self, pairs: PairColumns) -> Looking:
        """Take the model's next pairs in, a panel at a step; what there is to say, in the order of the records."""
        out: list[Emission] = []
        at = 0
        while at < len(pairs):
            end = min(len(pairs), at + _TOGETHER, at + self._until_given_up())
            part = yield from self._part(pairs.part(at, end))
            out += sorted(part, key=lambda emission: emission.offset)
            if self.records % _LOOK == 0:
                out += [one._replace(offset=pairs.offsets[end - 1]) for one in self._forget()]
            at = end
        return out

    def _until_given_up(self) -> int:
        """For how many records no version is given up, whichever are seen in them."""
        oldest = min(self.seen.values(), default=self.records)
        return max(oldest + _FORGET + -(oldest + _FORGET) % _LOOK, self.records // _LOOK * _LOOK + _LOOK) - self.records

    def _part(self, pairs: PairColumns) -> Looking:
        out: list[Emission] = []
        rows = pair_rows(pairs)
        if pairs.legacy.which:
            out += self._inputs(rows.some(pairs.legacy.which), pairs)
            yield
        if matched := [at for at, status in enumerate(rows.statuses) if status != "solo"]:
            out += self.matching.feed(matching_rows(rows.some(matched)))
        out += self.volume.feed(rows.offsets, rows.times)
        groups = self._watched("legacy", pairs.legacy) | self._watched("shadow", pairs.shadows)
        for (role, version), answers in sorted(groups.items()):
            self.seen[role, version] = self.records + answers.which[-1] + 1
            out += self.answers[role, version].feed(answer_rows(rows.some(answers.which), answers))
            yield
        self.records += len(pairs)
        return out

    def _inputs(self, rows: Rows, pairs: PairColumns) -> list[Emission]:
        versions = pairs.legacy.versions
        if self.inputs is None:
            self.inputs = InputPanel("legacy", versions[0], self.source, self.config, part=self.part * _INPUTS)
        return self.inputs.feed(input_rows(rows, pairs.features, versions, self.config.ignored_features))

    def _watched(self, role: Role, answers: Halves) -> dict[tuple[Role, str], Halves]:
        """These answers by version, for the versions that are watched."""
        watched: dict[tuple[Role, str], Halves] = {}
        for version, its in answers.by_version().items():
            if self._admit(role, version):
                watched[role, version] = its
            else:
                self.refused += len(its.which)
        return watched

    def _admit(self, role: Role, version: str) -> bool:
        if (role, version) in self.answers:
            return True
        others = sum(other == role for other, _ in self.answers)
        if others >= self.config.versions:
            return False
        part = _ANSWERS[role] if role == "legacy" else _ANSWERS[role] / (others + 1)
        self.answers[role, version] = Panel(role, version, self.source, self.config, part=self.part * part)
        return True

    def _forget(self) -> list[Emission]:
        """Give up the versions that were not seen for long."""
        out: list[Emission] = []
        for key in sorted(key for key, seen in self.seen.items() if seen <= self.records - _FORGET):
            panel = self.answers.pop(key)
            del self.seen[key]
            self._ended = self._ended.and_(panel.counts)
            self.refused += panel.refused
            out += panel.end(successor=None)
        return out

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {
            "model": self.source.model, "records": self.records, "refused": self.refused, "alarms": self._ended,
            "inputs": None if self.inputs is None else self.inputs.dump(), "matching": self.matching.dump(),
            "volume": self.volume.dump(),
            "answers": [[panel.dump(), self.seen[key]] for key, panel in sorted(self.answers.items())],
        }  # fmt: skip

    @staticmethod
    def saved_panels(state: dict[str, Any]) -> list[dict[str, Any]]:
        """The panels of a saved state."""
        inputs = [] if state["inputs"] is None else [state["inputs"]]
        return [*inputs, state["matching"], state["volume"]["panel"], *(panel for panel, _ in state["answers"])]

    @classmethod
    def load(cls, state: dict[str, Any], source: Source, config: DriftConfig, part: float = 1.0) -> "ModelWatch":
        """Take the state back."""
        watch = cls(source, config, part)
        watch.records, watch.refused, watch._ended = state["records"], state["refused"], AlarmCounts(*state["alarms"])
        if state["inputs"] is not None:
            watch.inputs = InputPanel.load(state["inputs"], source, config)
        watch.matching = Panel.load(state["matching"], source, config)
        watch.volume = VolumeWatch.load(state["volume"], source, config, part * _VOLUME)
        for saved, seen in state["answers"]:
            panel = Panel.load(saved, source, config)
            watch.answers[panel.role, panel.version] = panel
            watch.seen[panel.role, panel.version] = seen
        return watch
