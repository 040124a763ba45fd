"""What people said of alerts, put beside the alerts. Pure.

A silence is compared with the time that statistics of its subject have reached, as the role decide compares it, and not with the
clock of whoever looks. What decide refused covers nothing.

*Which episode an acknowledgement is of.* To decide it is the one that was up when it was read; that ends with its resolve, which
names the last acknowledgement it had. So all that were said up to one that a resolve names are of past episodes, and of the rest
the newest is of the alert that fires, unless it was said before that began: an episode that was held back ends untold, and the
resolves of others push out the one that names it. Two clocks are compared there, that of people and that of events: where events
are ahead by more than ``AHEAD_MS``, what was said at once is not shown; where they are far behind, as those that are sent again,
what was said of an episode that nothing names is shown of the next.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from heapq import merge
from operator import itemgetter

from app.read_model.action_documents import AcknowledgedDocument, Acknowledgement, SilenceDocument
from app.read_model.documents import AlertDocument
from app.read_model.silence_views import Silence, SilenceStatus, TakenBack
from schemas.cloudevents import rfc3339

__all__ = ["Heard", "Marks", "Place", "silences_of", "subject_of"]

#: The event time that the statistics of a subject have reached.
Heard = Callable[[str], int]
#: Partition and offset of an action.
Place = tuple[int, int]
#: So far may the clocks of events be ahead of those of people.
AHEAD_MS = 300_000


def silences_of(documents: Iterable[tuple[int, SilenceDocument]], refused: Collection[Place], heard: Heard) -> list[Silence]:
    """All of them, each document with its partition: active ones first, then the newest."""
    views = [_silence(at, each, _status((at, each.offset) in refused, each, heard)) for at, each in documents]
    views.sort(key=lambda each: (each.status == "active", each.starts, each.subject, each.id, each.partition), reverse=True)
    return views


class Marks:
    """What is said of each alert that there is."""

    def __init__(
        self,
        silences: Iterable[tuple[int, SilenceDocument]],
        acknowledged: Iterable[tuple[int, AcknowledgedDocument]],
        refused: Collection[Place],
        alerts: Iterable[AlertDocument],
        heard: Heard,
    ) -> None:
        self._heard = heard
        self._silences: dict[str, list[SilenceDocument]] = {}
        self._said: dict[tuple[str, str], list[tuple[int, Acknowledgement]]] = {}
        self._told: dict[str, set[Acknowledgement]] = {}
        for partition, silence in silences:
            if _status((partition, silence.offset) in refused, silence, heard) == "active":
                self._silences.setdefault(silence.subject, []).append(silence)
        for partition, document in acknowledged:
            said = [
                (said.at, Acknowledgement(said.by, said.why, rfc3339(said.at)))
                for said, offset in ((each.said, each.offset) for each in document.said)
                if (partition, offset) not in refused
            ]
            alert_of = (document.subject, document.fingerprint)
            # What was sent to another partition than the subject's is refused there, and hides nothing.
            self._said[alert_of] = list(merge(self._said.get(alert_of, ()), said, key=itemgetter(0)))
        for alert in alerts:
            if alert.acknowledged is not None:
                self._told.setdefault(alert.fingerprint, set()).add(alert.acknowledged)

    def acknowledged(self, alert: AlertDocument) -> Acknowledgement | None:
        """Who has seen this episode."""
        if alert.status == "resolved":
            return alert.acknowledged
        told, found = self._told.get(alert.fingerprint, ()), None
        for at, said in self._said.get((subject_of(alert.labels), alert.fingerprint), ()):
            found = None if said in told else (at, said)
        return found[1] if found is not None and found[0] >= _starts_ms(alert) - AHEAD_MS else None

    def silenced_by(self, alert: AlertDocument) -> list[str]:
        """The ids of the active silences that cover it, the one that ends last first."""
        subject = subject_of(alert.labels)
        silences, at = self._silences.get(subject, ()), self._heard(subject)
        found = [each for each in silences if each.silence.covers(alert.fingerprint, alert.labels, at)]
        return [each.id for each in sorted(found, key=lambda each: (-each.silence.until, each.id))]


def subject_of(labels: Mapping[str, str]) -> str:
    """The model, or the input topic, that an alert with these labels is of."""
    return labels.get("model") or labels.get("topic", "")


def _status(refused: bool, document: SilenceDocument, heard: Heard) -> SilenceStatus:
    if refused:
        return "refused"
    ended = document.end is not None or heard(document.subject) >= document.silence.until
    return "ended" if ended else "active"


def _silence(partition: int, document: SilenceDocument, status: SilenceStatus) -> Silence:
    silence, end = document.silence, document.end
    taken_back = end is not None and end.how == "taken_back"
    how = end.how if end is not None else "time"
    return Silence(
        id=document.id,
        status=status,
        subject=document.subject,
        partition=partition,
        matchers=silence.matchers,
        fingerprint=silence.fingerprint or None,
        by=silence.by,
        why=silence.why,
        starts=document.at,
        until=silence.until,
        end=how if status == "ended" else None,
        taken_back=TakenBack(end.by, end.why, end.at) if end is not None and taken_back else None,
    )


def _starts_ms(alert: AlertDocument) -> int:
    try:
        return int(datetime.fromisoformat(alert.starts_at).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):  # nothing of ours: no time at all
        return 0
