"""Models without what makes them large, encoded once for each change of a model: lists and events give the same bytes again.

A model's view is another object when anything of it changed, which tells when its bytes are old. *Bounds*: as many as the read
model has models; what it has no more is let go.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import UNSET, Raw

from app.read_model.views import Model

__all__ = ["Briefs", "brief"]


class Briefs:
    """Those of one process."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Model, Raw]] = {}

    def of(self, models: Mapping[str, Model], names: Iterable[str]) -> list[Raw]:
        """Of these names, which all are among the models there are."""
        if len(self._known) > len(models):
            self._known = {name: known for name, known in self._known.items() if models.get(name) is known[0]}
        return [self._one(models[name]) for name in names]

    def _one(self, model: Model) -> Raw:
        known = self._known.get(model.name)
        if known is None or known[0] is not model:
            known = self._known[model.name] = (model, Raw(msgspec.json.encode(brief(model))))
        return known[1]


def brief(found: Model) -> Model:
    """A model without the figures, the history and the references of its signals."""
    signals = [msgspec.structs.replace(signal, statistics=UNSET, history=UNSET, baselines=UNSET) for signal in found.signals]
    return msgspec.structs.replace(found, signals=signals)
