"""What is remembered of a subject, a model or an input topic, and how one statement on it becomes news.

Every alert that is not quiet is a *case*: its labels, its episode, the words it fired with (a resolve repeats them), and the
cause that may ask for retraining. A quiet case is dropped, so a subject without trouble is a few numbers.

``startsAt`` is the event time of the statement that made the alert fire, but always later than the last ``endsAt`` of the
subject: event times may go back, and two episodes of one fingerprint must not share an id.

Bounded: ``CASES_OF_A_SUBJECT``; what the bound refuses is said, and asked again with the next statement that it holds.
Delivery guarantees: plain data that is saved whole; the same statements give the same news.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from app.domain.decisions.alert_kinds import fingerprint
from app.domain.decisions.alerting import Condition, Episode, Patience, Phase, Reason, Statement, step
from app.domain.decisions.retraining import Cause, Cooldown
from app.domain.decisions.topic_minutes import Minute
from app.domain.decisions.traffic_words import Words
from schemas.alert import AlertStatus

__all__ = ["CASES_OF_A_SUBJECT", "REFUSED", "Case", "News", "Said", "Subject"]

#: A model with more alerts than this at a time has one trouble, not a hundred.
CASES_OF_A_SUBJECT = 100


class Case(Struct, gc=False, omit_defaults=True):
    """One alert that is not quiet."""

    labels: dict[str, str]
    episode: Episode = Episode()
    summary: str = ""
    description: str = ""
    cause: Cause | None = None


class Subject(Struct, gc=False, omit_defaults=True):
    """One model, or one input topic (then only ``minutes``, ``refused`` and ``cases`` are used).

    ``ended``: the latest ``endsAt``. ``legacy``: the served version as statistics named it last. ``shadows``: shadow versions,
    and when they were last spoken of. ``unanswered_*``: requests in a row that a side left unanswered.
    """

    cases: dict[str, Case] = {}
    ended: int = 0
    cooldown: Cooldown = field(default_factory=Cooldown)
    legacy: str = ""
    shadows: dict[str, int] = {}
    unanswered_by_shadow: int = 0
    unanswered_by_legacy: int = 0
    minutes: dict[str, list[Minute]] = {}
    refused: dict[str, list[Minute]] = {}

    def is_up(self, name: str) -> bool:
        """Whether an alert of this name is not quiet."""
        return any(case.labels["alertname"] == name for case in self.cases.values())

    def hear(self, said: "Said", *, room: bool) -> "News | None":
        """Take one statement; None where it concerns no case and opens none, ``REFUSED`` where there is no ``room`` for it."""
        mark = fingerprint(said.labels)
        case = self.cases.get(mark)
        if case is None:
            if said.statement.condition is not Condition.HOLDS:
                return None
            if not room or len(self.cases) >= CASES_OF_A_SUBJECT:
                return REFUSED
            case = Case(said.labels)
        return self._take(mark, case, said)

    def forget(self, before: int, at: int) -> Iterator["News"]:
        """Close the cases that nobody has spoken of since ``before``."""
        for mark, case in [(mark, case) for mark, case in self.cases.items() if case.episode.heard < before]:
            yield self._take(mark, case, Said(case.labels, Statement(Condition.SILENT, at), Patience()))

    def _take(self, mark: str, case: Case, said: "Said") -> "News":
        decision = step(case.episode, said.statement, said.patience)
        if decision.change == "resolved":
            starts = case.episode.starts
            ends = max(said.statement.at, starts)
            self.ended = max(self.ended, ends)
            del self.cases[mark]
            return News(mark, case, decision.reason, "resolved", starts, ends)
        case.episode = decision.episode
        if decision.change == "firing":
            case.episode = replace(case.episode, starts=max(case.episode.starts, self.ended + 1))
            case.summary, case.description = said.words()
        if decision.episode.phase is Phase.QUIET:
            self.cases.pop(mark, None)
        else:
            self.cases[mark] = case
        return News(mark, case, decision.reason, decision.change, case.episode.starts)


def _no_words() -> Words:
    return Words("", "")


class Said(NamedTuple):
    """One statement: of which alert, how it stands, how patient to be, and the words if it comes to fire."""

    labels: dict[str, str]
    statement: Statement
    patience: Patience
    words: Callable[[], Words] = _no_words


class News(NamedTuple):
    """What became of a statement: the case and the reason; where its state changed also how, and the event times."""

    fingerprint: str
    case: Case
    reason: Reason
    change: AlertStatus | None = None
    starts: int = 0
    ends: int = 0


#: Stands for a case that there was no room for.
REFUSED = News("", Case({}), Reason.NOTHING)
