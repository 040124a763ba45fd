"""The documents of all partitions, filed so that a change costs no more than the views it changes. Pure.

A model is merged anew only when one of its documents changed, or the number of its open alerts did; views that did not
change stay the same objects, by which a stream of updates knows what to send.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Generic, TypeVar

from app.read_model.documents import (
    AlertDocument,
    Document,
    LettersDocument,
    ModelDocument,
    PartitionDocument,
    SignalDocument,
    TriggerDocument,
)
from app.read_model.merge import alerts_of, letters_of, model_of, pipeline_of, status_of, triggers_of
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
        self.triggers: list[Trigger] = []
        self.letters: DeadLetters = letters_of([])
        self.partitions: dict[int, PartitionDocument] = {}
        self._parts: dict[str, dict[Address, ModelDocument | SignalDocument]] = {}
        self._model_at: dict[Address, str] = {}
        self._dirty: set[str] = set()
        self._open: Counter[str] = Counter()
        self._alerts: _Shelf[AlertDocument] = _Shelf()
        self._triggers: _Shelf[TriggerDocument] = _Shelf()
        self._letters: _Shelf[LettersDocument] = _Shelf()

    def put(self, partition: int, field: str, document: Document | None) -> None:
        """File one changed document; None: it is gone."""
        address = (partition, field)
        if document is None:
            self._remove(address)
        elif isinstance(document, ModelDocument | SignalDocument):
            self._model_at[address] = document.model
            self._parts.setdefault(document.model, {})[address] = document
            self._dirty.add(document.model)
        elif isinstance(document, AlertDocument):
            _file(self._alerts, address, document)
        elif isinstance(document, TriggerDocument):
            _file(self._triggers, address, document)
        elif isinstance(document, LettersDocument):
            _file(self._letters, address, document)
        else:
            self.partitions[partition] = document

    def gather(self) -> None:
        """Bring the views up to date."""
        if self._alerts.changed:
            self._gather_alerts()
        if self._triggers.changed:
            self.triggers = triggers_of(self._triggers.values())
        if self._letters.changed:
            self.letters = letters_of(self._letters.values())
        self._alerts.changed = self._triggers.changed = self._letters.changed = False
        if self._dirty:
            self._gather_models()

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
        )

    def _remove(self, address: Address) -> None:
        model = self._model_at.pop(address, None)
        if model is not None:
            del self._parts[model][address]
            self._dirty.add(model)
        elif address[1] == "partition":
            self.partitions.pop(address[0], None)
        else:
            for shelf in (self._alerts, self._triggers, self._letters):
                shelf.changed = shelf.pop(address, None) is not None or shelf.changed

    def _gather_alerts(self) -> None:
        self.alerts = alerts_of(self._alerts.values())
        before = self._open
        self._open = Counter(alert.labels.get("model", "") for alert in self.alerts if alert.status == "firing")
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


def _file(shelf: _Shelf[D], address: Address, document: D) -> None:
    shelf[address] = document
    shelf.changed = True
