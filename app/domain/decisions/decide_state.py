"""All that the decide role remembers of a partition: plain data, saved whole at each commit.

Bounded: ``SUBJECTS`` and, beyond one for each severity of a subject, ``CASES``. A new subject takes the place of the one that has
been without news for longest, if that has neither a case, nor a cooldown, nor a trigger under way; else there is no room for it.

It is saved as JSON, from ``PLAIN_BYTES`` on deflated: alerts repeat each other's words, and a storm of a thousand of them then
still fits one record of the checkpoint.
"""

import zlib
from collections.abc import Callable
from typing import get_args

import msgspec
from msgspec import Struct, field

from app.domain.decisions.alert_kinds import ALERT_NAMES, OF_OUTCOMES
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Phase
from app.domain.decisions.holding_back import Why
from app.domain.decisions.retrain_courses import is_busy
from app.domain.decisions.retraining import CODES, HELD_BACK, RetrainPolicy
from schemas.action import ActionName
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainTrigger, StatusName

__all__ = ["CASES", "PLAIN_BYTES", "SUBJECTS", "Counters", "Pending", "State", "count", "note_version"]

#: About 550 bytes each when quiet.
SUBJECTS = 1_000
#: About 800 bytes each; nobody reads a thousand alerts. Beyond it there is room for a subject's first alert of each of the three
#: severities, so that a storm over a few models hides no others: 4,000 at most.
CASES = 1_000
PLAIN_BYTES = 131_072
#: Shadow versions of a model that are remembered.
_SHADOWS = 8
_ANSWERS = ("actions", "retrain.status")
_CODES = sorted({*CODES.values(), "manual", "schedule", "staleness"})


class Counters(Struct, gc=False):
    """What was decided since the partition began; monotone.

    Alerts by name, triggers by code; causes (``held_back``) and alerts (``held``) that were held back, by reason.
    ``statuses`` and ``actions`` by what they say, ``dead`` those of both that were refused.
    """

    alerts: dict[str, int] = {}
    resolved: int = 0
    triggers: dict[str, int] = {}
    held_back: dict[str, int] = {}
    held: dict[str, int] = {}
    statuses: dict[str, int] = {}
    actions: dict[str, int] = {}
    dead: dict[str, int] = {}
    skipped: int = 0
    refused: int = 0


class Pending(Struct, gc=False):
    """A record that waits for the log; ``caused_by``: the id of the event behind it, ``at``: the decision's event time.

    ``ready``: the log has answered, but not yet for an earlier one of the model.
    """

    trigger: RetrainTrigger
    caused_by: str
    at: int
    ready: bool = False


class _Deflated(Struct):
    deflated: bytes


class State(Struct):
    """All that is remembered of a partition."""

    subjects: dict[str, Subject] = {}
    pending: dict[str, Pending] = {}
    counters: Counters = field(default_factory=Counters)

    def subject(self, name: str, at: int, policy_for: Callable[[str], RetrainPolicy]) -> Subject | None:
        """The subject, which is now the newest of all; None where there is no room."""
        subject = self.subjects.pop(name, None)
        if subject is None:
            if len(self.subjects) >= SUBJECTS and not self._make_room(at, policy_for):
                return None
            subject = Subject()
        self.subjects[name] = subject
        return subject

    def _make_room(self, at: int, policy_for: Callable[[str], RetrainPolicy]) -> bool:
        for name, subject in self.subjects.items():
            policy, cooldown = policy_for(name), subject.cooldown
            if not subject.cases and cooldown.until(policy) <= at and not is_busy(cooldown.courses, at, policy):
                del self.subjects[name]
                return True
        return False

    def dump(self) -> bytes:
        """The state as JSON."""
        plain = msgspec.json.encode(self)
        return plain if len(plain) <= PLAIN_BYTES else msgspec.json.encode(_Deflated(zlib.compress(plain, 1)))

    @classmethod
    def load(cls, saved: bytes) -> "State":
        """Take the state back."""
        if saved.startswith(b'{"deflated"'):
            saved = zlib.decompress(msgspec.json.decode(saved, type=_Deflated).deflated)
        return msgspec.json.decode(saved, type=cls)

    def figures(self) -> dict[str, float]:
        """Counters, and what stands now."""
        counters = self.counters
        cases = [case for subject in self.subjects.values() for case in subject.cases.values()]
        figures = {
            "alerts_pending": sum(case.episode.phase is Phase.PENDING for case in cases),
            "alerts_firing": sum(case.told_at > 0 for case in cases),
            "alerts_held_back": sum(case.held is not None for case in cases),
            "alerts_resolved_total": counters.resolved,
            "triggers_pending": len(self.pending),
            "skipped_total": counters.skipped,
            "refused_total": counters.refused,
        }
        figures |= {f'alerts_total{{alertname="{name}"}}': counters.alerts.get(name, 0) for name in ALERT_NAMES}
        figures |= {f'alerts_held_back_total{{reason="{why}"}}': counters.held.get(why, 0) for why in Why}
        figures |= {f'triggers_total{{reason="{code}"}}': counters.triggers.get(code, 0) for code in _CODES}
        held = counters.held_back
        figures |= {f'triggers_suppressed_total{{reason="{why}"}}': held.get(why, 0) for why in sorted(HELD_BACK)}
        figures |= {f'statuses_total{{status="{said}"}}': counters.statuses.get(said, 0) for said in get_args(StatusName)}
        figures |= {f'actions_total{{action="{said}"}}': counters.actions.get(said, 0) for said in get_args(ActionName)}
        figures |= {
            f'dead_letters_total{{topic="{topic}"}}': counters.dead.get(topic, 0) for topic in ("actions", "retrain.status")
        }
        return {name: float(figure) for name, figure in figures.items()}


def count(counts: dict[str, int], name: str) -> None:
    """One more of ``name``."""
    counts[name] = counts.get(name, 0) + 1


def note_version(subject: Subject, statistics: DriftStatistics) -> None:
    """Remember which version serves, and which shadows run beside it."""
    if not statistics.version or statistics.signal.kind in OF_OUTCOMES:
        return
    if statistics.role == "legacy":
        subject.legacy = statistics.version
    elif statistics.role == "shadow":
        subject.shadows.pop(statistics.version, None)
        subject.shadows[statistics.version] = statistics.window.end
        if len(subject.shadows) > _SHADOWS:
            del subject.shadows[next(iter(subject.shadows))]
