"""Each decision on one alert, with its reason: the statistics are read again and decided upon as the decide role did.

From the log's beginning and with the settings in force the decisions are the role's own; where retention has taken the
beginning, or the settings were others, they may differ. Nothing is written.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from app.config import Config
from app.domain.decisions.alert_cases import News
from app.domain.decisions.alert_message import Links
from app.domain.decisions.deciding import Decider
from app.folds.fold import Record, Run
from app.topic_table import Topics
from schemas.cloudevents import event_id, rfc3339
from schemas.control_codec import ActionDecoder, StatusDecoder
from schemas.errors import DecodeError

__all__ = ["Explaining", "Step"]


class Step(NamedTuple):
    """What became of an alert at one event time (RFC 3339), as often as statements in a row said the same.

    ``phase``: where it then stood; ``reason``: of the step; ``held``: why it is not told, ``by`` which alert; ``told``: what was
    told, if anything.
    """

    at: str
    phase: str
    reason: str
    held: str
    by: str
    told: str
    times: int = 1


class Explaining:
    """A reader of the history of ``drift.statistics``, ``actions`` and ``retrain.status``; ``fingerprint``: of the alert.

    Between the topics the role decided in the order in which it read them; here it is that in which they were written.
    """

    topics: Sequence[str] = ("actions", "retrain.status", "drift.statistics")

    def __init__(self, config: Config, fingerprint: str) -> None:
        self._config, self._fingerprint = config, fingerprint
        self._deciders: dict[int, Decider] = {}
        limits = config.limits.of_records()
        self._decode_action, self._decode_status = ActionDecoder(limits), StatusDecoder(limits)
        #: By partition, what people and pipelines said, and on which topic.
        self._said: dict[int, list[tuple[str, Record]]] = {}
        self._read: dict[int, set[str]] = {}
        self.labels: dict[str, str] = {}
        self.steps: list[Step] = []

    def feed(self, topic: str, partition: int, run: Run) -> None:
        """Decide, record by record; what was said, before the first statistics that were written later."""
        if topic != "drift.statistics":
            self._said.setdefault(partition, []).extend((topic, record) for record in run)
            return
        decider = self._deciders.get(partition)
        if decider is None:
            decider = self._deciders[partition] = self._begun()
        waiting = self._said.get(partition, [])
        for record in run:
            while waiting and waiting[0][1].timestamp <= record.timestamp:
                self._take(decider, *waiting.pop(0))
            decider.read(record.value, event_id(record.headers))
            decider.state.pending.clear()  # triggers, which nothing is asked about here
            decider.released()

    def _take(self, decider: Decider, topic: str, record: Record) -> None:
        with suppress(DecodeError):  # it was refused then, too
            if topic == "actions":
                decider.act(self._decode_action(record))
            else:
                decider.hear(self._decode_status(record))

    def _begun(self) -> Decider:
        config = self._config
        return Decider(
            Topics(config.topics.prefix).full, lambda name: config.model(name).alerts, lambda name: config.model(name).retrain,
            Links("", ""), self._listen, config.topics.output_retention_ms,
        )  # fmt: skip

    def _listen(self, news: News, at: int) -> None:
        if news.fingerprint != self._fingerprint:
            return
        case = news.case
        self.labels = case.labels
        phase = case.episode.phase if news.change != "resolved" else "quiet"
        step = Step(rfc3339(at), str(phase), news.reason, case.held or "", case.held_by, news.change or "")
        last = self.steps[-1] if self.steps else None
        if last is not None and last[1:6] == step[1:6]:
            self.steps[-1] = last._replace(times=last.times + 1)
        else:
            self.steps.append(step)

    def wants(self, topic: str, partition: int) -> bool:
        """Statistics when all that was said is known."""
        return topic != "drift.statistics" or len(self._read.get(partition, ())) == len(self.topics) - 1

    def is_read(self, topic: str, partition: int) -> None:
        """Note that all of a partition is known that was said on a topic."""
        if topic != "drift.statistics":
            self._read.setdefault(partition, set()).add(topic)
            self._said.setdefault(partition, []).sort(key=lambda said: said[1].timestamp)

    def end(self) -> None:
        """Nothing is held."""
