"""All that the decide role remembers of a partition: plain data, saved whole at each commit.

Bounded: ``SUBJECTS`` and ``CASES``. A new subject takes the place of the one that has been without news for longest, if that
has neither a case nor a cooldown; else there is no room for it.

It is saved as JSON, from ``PLAIN_BYTES`` on deflated: alerts repeat each other's words, and a storm of a thousand of them then
still fits one record of the checkpoint.
"""

import zlib
from collections.abc import Callable

import msgspec
from msgspec import Struct, field

from app.domain.decisions.alert_kinds import ALERT_NAMES
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Phase
from app.domain.decisions.retraining import CODES, HELD_BACK, RetrainPolicy
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainTrigger

__all__ = ["CASES", "PLAIN_BYTES", "SUBJECTS", "Counters", "Pending", "State", "count", "note_version"]

#: About 150 bytes each when quiet.
SUBJECTS = 1_000
#: About 800 bytes each; nobody reads a thousand alerts.
CASES = 1_000
PLAIN_BYTES = 131_072
#: Shadow versions of a model that are remembered.
_SHADOWS = 8


class Counters(Struct, gc=False):
    """What was decided since the partition began: alerts by name, triggers by code, causes held back by reason; monotone."""

    alerts: dict[str, int] = {}
    resolved: int = 0
    triggers: dict[str, int] = {}
    held_back: dict[str, int] = {}
    skipped: int = 0
    refused: int = 0


class Pending(Struct, gc=False):
    """A trigger that waits for the log; ``caused_by`` is the id of the alert's event, ``at`` the decision's event time."""

    trigger: RetrainTrigger
    caused_by: str
    at: int


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
            if not subject.cases and subject.cooldown.until(policy_for(name)) <= at:
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
        cases = [case.episode.phase for subject in self.subjects.values() for case in subject.cases.values()]
        figures = {
            "alerts_pending": cases.count(Phase.PENDING),
            "alerts_firing": len(cases) - cases.count(Phase.PENDING),
            "alerts_resolved_total": counters.resolved,
            "triggers_pending": len(self.pending),
            "skipped_total": counters.skipped,
            "refused_total": counters.refused,
        }
        figures |= {f'alerts_total{{alertname="{name}"}}': counters.alerts.get(name, 0) for name in ALERT_NAMES}
        figures |= {f'triggers_total{{reason="{code}"}}': counters.triggers.get(code, 0) for code in sorted(set(CODES.values()))}
        held = counters.held_back
        figures |= {f'triggers_suppressed_total{{reason="{why}"}}': held.get(why, 0) for why in sorted(HELD_BACK)}
        return {name: float(figure) for name, figure in figures.items()}


def count(counts: dict[str, int], name: str) -> None:
    """One more of ``name``."""
    counts[name] = counts.get(name, 0) + 1


def note_version(subject: Subject, statistics: DriftStatistics) -> None:
    """Remember which version serves, and which shadows run beside it."""
    if not statistics.version:
        return
    if statistics.role == "legacy":
        subject.legacy = statistics.version
    elif statistics.role == "shadow":
        subject.shadows.pop(statistics.version, None)
        subject.shadows[statistics.version] = statistics.window.end
        if len(subject.shadows) > _SHADOWS:
            del subject.shadows[next(iter(subject.shadows))]
