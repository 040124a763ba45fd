"""The documents of all partitions, filed so that a change costs no more than the views it changes. Pure.

A model is merged anew only when one of its documents changed, or the number of its open alerts did; views that did not
change stay the same objects, by which a stream of updates knows what to send.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from app.read_model.action_documents import AcknowledgedDocument, RefusedDocument, SilenceDocument
from app.read_model.documents import (
    AlertDocument,
    Document,
    LetterExample,
    LettersDocument,
    ModelDocument,
    PartitionDocument,
    RefusedAnswerDocument,
    SignalDocument,
    TrainingDocument,
    TriggerDocument,
    VerdictDocument,
)
from app.read_model.marks import Marks, silences_of
from app.read_model.merge import alerts_of, examples_of, letters_of, model_of, pipeline_of, status_of, triggers_of
from app.read_model.silence_views import Silence
from app.read_model.views import Alert, DeadLetters, Model, Overview, PartitionStatus, Stale, Trigger

__all__ = ["Gathering"]

#: What the pair role could not give to a model is counted under this name: not a model, but part of the whole.
WITHOUT_MODEL = ""
#: A partition and a field of its documents.
Address = tuple[int, str]
D = TypeVar("D", bound=Document)


class _Shelf(dict[Address, D], Generic[D]):
    """Documents of one kind; ``changed`` until somebody has looked."""

    changed = True


class Gathering:
    """``put`` documents, then ``gather``, then read the views."""

    def __init__(self) -> None:
        self.models: Mapping[str, Model] = {}
        self.without_model: dict[str, Model] = {}
        self.alerts: list[Alert] = []
        self.silences: list[Silence] = []
        self.triggers: list[Trigger] = []
        self.letters: DeadLetters = letters_of([])
        self.examples: list[LetterExample] = []
        self.partitions: dict[int, PartitionDocument] = {}
        self._parts: dict[str, dict[Address, ModelDocument | SignalDocument | VerdictDocument]] = {}
        self._model_at: dict[Address, str] = {}
        self._dirty: set[str] = set()
        self._open: Counter[str] = Counter()
        self._alerts: _Shelf[AlertDocument] = _Shelf()
        self._silences: _Shelf[SilenceDocument] = _Shelf()
        self._acknowledged: _Shelf[AcknowledgedDocument] = _Shelf()
        self._refused: _Shelf[RefusedDocument] = _Shelf()
        self._over: set[Address] = set()
        self._triggers: _Shelf[TriggerDocument] = _Shelf()
        self._trainings: _Shelf[TrainingDocument] = _Shelf()
        self._refused_answers: _Shelf[RefusedAnswerDocument] = _Shelf()
        self._letters: _Shelf[LettersDocument] = _Shelf()

    def put(self, partition: int, field: str, document: Document | None) -> None:
        """File one changed document; None: it is gone."""
        address = (partition, field)
        if document is None:
            self._remove(address)
        elif isinstance(document, ModelDocument | SignalDocument | VerdictDocument):
            self._model_at[address] = document.model
            self._parts.setdefault(document.model, {})[address] = document
            self._dirty.add(document.model)
        elif isinstance(document, AlertDocument):
            _file(self._alerts, address, document)
        elif isinstance(document, SilenceDocument):
            _file(self._silences, address, document)
        elif isinstance(document, AcknowledgedDocument):
            _file(self._acknowledged, address, document)
        elif isinstance(document, RefusedDocument):
            _file(self._refused, address, document)
        elif isinstance(document, TriggerDocument):
            _file(self._triggers, address, document)
        elif isinstance(document, TrainingDocument):
            _file(self._trainings, address, document)
        elif isinstance(document, RefusedAnswerDocument):
            _file(self._refused_answers, address, document)
        elif isinstance(document, LettersDocument):
            _file(self._letters, address, document)
        else:
            self.partitions[partition] = document

    def gather(self) -> None:
        """Bring the views up to date."""
        if self._alerts.changed:
            self._count_open()
        if self._dirty:
            self._gather_models()
        self._gather_alerts()
        if self._triggers.changed or self._trainings.changed or self._refused_answers.changed:
            refused = {(at[0], each.offset) for at, each in self._refused_answers.items()}
            self.triggers = triggers_of(_with_partition(self._triggers), _with_partition(self._trainings), refused)
        if self._letters.changed:
            self.letters, self.examples = letters_of(self._letters.values()), examples_of(self._letters.values())
        for shelf in self._shelves():
            shelf.changed = False

    def statuses(self, written_at: Mapping[int, int | None]) -> list[PartitionStatus]:
        """How far each partition is; ``written_at`` (wall time, milliseconds) names all there are."""
        return [status_of(partition, at, self.partitions.get(partition)) for partition, at in written_at.items()]

    def view(
        self, revision: int, as_of: int | None, written_at: Mapping[int, int | None], stale: Stale | None = None
    ) -> Overview:
        """All views together."""
        every = [*self.models.values(), *self.without_model.values()]
        return Overview(
            revision=revision,
            as_of=as_of,
            stale=stale,
            models=self.models,
            alerts=self.alerts,
            triggers=self.triggers,
            pipeline=pipeline_of(every, self.letters, self.statuses(written_at)),
            letters=self.examples,
            silences=self.silences,
        )

    def _remove(self, address: Address) -> None:
        model = self._model_at.pop(address, None)
        if model is not None:
            del self._parts[model][address]
            self._dirty.add(model)
        elif address[1] == "partition":
            self.partitions.pop(address[0], None)
        else:
            for shelf in self._shelves():
                shelf.changed = shelf.pop(address, None) is not None or shelf.changed

    def _shelves(self) -> tuple[_Shelf[Any], ...]:
        return (
            self._alerts, self._silences, self._acknowledged, self._refused, self._triggers, self._trainings,
            self._refused_answers, self._letters,
        )  # fmt: skip

    def _gather_alerts(self) -> None:
        """Alerts and silences: anew where one of them changed, what was said of them, or whether a silence is over."""
        over = {at for at, each in self._silences.items() if self._heard(each.subject) >= each.silence.until}
        if over == self._over and not any(
            shelf.changed for shelf in (self._alerts, self._silences, self._acknowledged, self._refused)
        ):
            return
        self._over = over
        refused = {(at[0], each.offset) for at, each in self._refused.items()}
        silences = [(at[0], each) for at, each in self._silences.items()]
        said = ((at[0], each) for at, each in self._acknowledged.items())
        self.silences = silences_of(silences, refused, self._heard)
        marks = Marks(silences, said, refused, self._alerts.values(), self._heard)
        self.alerts = alerts_of(self._alerts.values(), marks)

    def _heard(self, subject: str) -> int:
        """The newest event time that statistics of a model, or of an input topic, have told of; 0 where none have."""
        model = self.models.get(subject)
        if model is not None:
            return max([model.pairing.until or 0, *(version.last_seen for version in model.versions)])
        parts = self._parts.get(WITHOUT_MODEL, {}).values()
        return max((part.heard.get(subject, 0) for part in parts if isinstance(part, ModelDocument)), default=0)

    def _count_open(self) -> None:
        before = self._open
        self._open = Counter(alert.labels.get("model", "") for alert in self._alerts.values() if alert.status == "firing")
        changed = {name for name in before.keys() | self._open.keys() if before[name] != self._open[name]}
        self._dirty |= changed & self._parts.keys()

    def _gather_models(self) -> None:
        models = dict(self.models)
        for name in self._dirty:
            into = self.without_model if name == WITHOUT_MODEL else models
            parts = self._parts.get(name)
            if parts:
                into[name] = model_of(name, [(at[0], part) for at, part in parts.items()], self._open[name])
            else:
                into.pop(name, None)
                self._parts.pop(name, None)
        self.models = dict(sorted(models.items()))
        self._dirty = set()


def _with_partition(shelf: _Shelf[D]) -> Iterator[tuple[int, D]]:
    return ((partition, document) for (partition, _), document in shelf.items())


def _file(shelf: _Shelf[D], address: Address, document: D) -> None:
    shelf[address] = document
    shelf.changed = True
