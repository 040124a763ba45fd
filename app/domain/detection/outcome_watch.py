"""What outcomes say of one model: how wrong its answers were, and what they were worth.

- *Errors*: one panel for each version that answered, legacy or shadow, with a warm-up of its own. A shadow's has also the pairs
  on which it alone was wrong, and those on which the live model alone was: what is hard for both cancels (a rate that went from
  3 to 7 % by the hour gave 104 false alarms in 1,000,000 unpaired, 0.3 paired, measured).
- *Figures* (``value`` and ``kpis``): one panel for the model, since they are the request's and not one version's.

A row is a pair with an outcome; how many pairs were settled for it stands in ``asked``. Bounded and given up as the versions in
``watch``: ``config.versions`` of a role at a time, those not seen in 20,000 settled pairs go.

Delivery guarantees: a pure function of the settled pairs in their order; ``dump`` and ``load`` are bit for bit.
"""

from collections.abc import Sequence
from typing import Any

from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.awaited_pairs import Awaiting, Given, Label
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.outcome_rows import error_rows, kpi_rows
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.watch import Looking
from schemas.statistics import Role

__all__ = ["OutcomeWatch"]

#: Parts of the model's budget of false alarms; shadows that are watched at one time share theirs. The rest: ``watch``.
_ERRORS: dict[Role, float] = {"legacy": 0.05, "shadow": 0.06}
_FIGURES = 0.04
#: Settled pairs after which an unseen version is given up, and how often that is looked at.
_FORGET, _LOOK = 20_000, 1_000

_Version = tuple[Role, str]


class _Answered:
    """One version's answers to labelled pairs, and how many pairs were settled for each."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Awaiting, Label]] = []
        self.answers: list[Given] = []
        self.asked: list[int] = []


class OutcomeWatch:
    """See the module's text. ``part``: of the model's budget of false alarms."""

    def __init__(self, source: Source, config: DriftConfig, part: float = 1.0) -> None:
        self.source, self.config, self.part = source._replace(baseline=None), config, part  # no baseline has outcomes
        self.settled = self.refused = 0
        self._ended = AlarmCounts()
        self.figures: Panel | None = None
        self.errors: dict[_Version, Panel] = {}
        #: For each watched version the number of the settled pair that it was last seen in, and those since its last outcome.
        self.seen: dict[_Version, int] = {}
        self.unlabelled: dict[_Version, int] = {}

    @property
    def panels(self) -> list[Panel]:
        """All panels."""
        return [*([] if self.figures is None else [self.figures]), *self.errors.values()]

    @property
    def alarms(self) -> AlarmCounts:
        """Alarms so far, those of versions that are gone included."""
        return self._ended.and_(*(panel.counts for panel in self.panels))

    @property
    def refusals(self) -> int:
        """What the bounds refused: answers of too many versions, values of too many figures."""
        return self.refused + sum(panel.refused for panel in self.panels)

    def feed(self, settled: Sequence[Awaiting]) -> Looking:
        """Take the model's next settled pairs in, a panel at a step; what there is to say, in the order of the pairs."""
        out: list[Emission] = []
        at = 0
        while at < len(settled):
            end = min(len(settled), at + _LOOK - self.settled % _LOOK)
            part = yield from self._part(settled[at:end])
            out += sorted(part, key=lambda emission: emission.offset)
            if self.settled % _LOOK == 0:
                out += [one._replace(offset=settled[end - 1].offset) for one in self._forget()]
            at = end
        return out

    def _part(self, settled: Sequence[Awaiting]) -> Looking:
        out: list[Emission] = []
        for (role, version), answered in sorted(self._answered(settled).items()):
            if answered.pairs:
                rows = error_rows(answered.pairs, answered.answers, answered.asked, shadow=role == "shadow")
                out += self.errors[role, version].feed(rows)
                yield
        self.settled += len(settled)
        worth = [
            (pair, pair.label) for pair in settled if pair.label is not None and (pair.label.kpis or pair.label.value is not None)
        ]
        if worth:
            if self.figures is None:
                self.figures = Panel("all", "", self.source, self.config, part=self.part * _FIGURES)
            out += self.figures.feed(kpi_rows(worth))
            yield
        return out

    def _answered(self, settled: Sequence[Awaiting]) -> dict[_Version, _Answered]:
        """The answers to these pairs by version, for the versions that are watched."""
        by_version: dict[_Version, _Answered] = {}
        for number, pair in enumerate(settled, self.settled + 1):
            halves: list[tuple[Role, Given]] = [] if pair.legacy is None else [("legacy", pair.legacy)]
            for role, given in (*halves, *(("shadow", given) for given in pair.shadows)):
                key: _Version = (role, given.version)
                if key not in self.errors and not self._admit(*key):
                    self.refused += 1
                    continue
                self.seen[key] = number
                self.unlabelled[key] += 1
                if pair.label is not None:
                    its = by_version.setdefault(key, _Answered())
                    its.pairs.append((pair, pair.label))
                    its.answers.append(given)
                    its.asked.append(self.unlabelled[key])
                    self.unlabelled[key] = 0
        return by_version

    def _admit(self, role: Role, version: str) -> bool:
        others = sum(other == role for other, _ in self.errors)
        if others >= self.config.versions:
            return False
        part = _ERRORS[role] if role == "legacy" else _ERRORS[role] / (others + 1)
        self.errors[role, version] = Panel(role, version, self.source, self.config, part=self.part * part)
        self.unlabelled[role, version] = 0
        return True

    def _forget(self) -> list[Emission]:
        """Give up the versions that were not seen for long."""
        out: list[Emission] = []
        for key in sorted(key for key, seen in self.seen.items() if seen <= self.settled - _FORGET):
            panel = self.errors.pop(key)
            del self.seen[key], self.unlabelled[key]
            self._ended = self._ended.and_(panel.counts)
            self.refused += panel.refused
            out += panel.end(successor=None)
        return out

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {
            "settled": self.settled, "refused": self.refused, "alarms": self._ended,
            "figures": None if self.figures is None else self.figures.dump(),
            "errors": [[panel.dump(), self.seen[key], self.unlabelled[key]] for key, panel in sorted(self.errors.items())],
        }  # fmt: skip

    @staticmethod
    def saved_panels(state: dict[str, Any]) -> list[dict[str, Any]]:
        """The panels of a saved state."""
        return [*([] if state["figures"] is None else [state["figures"]]), *(panel for panel, _, _ in state["errors"])]

    @classmethod
    def load(cls, state: dict[str, Any], source: Source, config: DriftConfig, part: float = 1.0) -> "OutcomeWatch":
        """Take the state back."""
        watch = cls(source, config, part)
        watch.settled, watch.refused, watch._ended = state["settled"], state["refused"], AlarmCounts(*state["alarms"])
        if state["figures"] is not None:
            watch.figures = Panel.load(state["figures"], watch.source, config)
        for saved, seen, unlabelled in state["errors"]:
            panel = Panel.load(saved, watch.source, config)
            watch.errors[panel.role, panel.version] = panel
            watch.seen[panel.role, panel.version], watch.unlabelled[panel.role, panel.version] = seen, unlabelled
        return watch
