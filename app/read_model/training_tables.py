"""What pipelines answered, as one partition keeps it, and which of the answers the role decide refused.

Whether it did cannot be told from the answer alone: the trigger may have waited for approval just then. The dead letter says so,
and is a document of its own, as that of a refused action is (``app.read_model.action_tables``). For the same reason an answer to
a trigger that never was takes room: of a model and a trigger there is one document, and the one longest unheard of goes first.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from app.read_model.capacity import Capacity
from app.read_model.documents import RefusedAnswerDocument, TrainingDocument
from app.read_model.moments import training_after
from app.read_model.table import Changes, Table
from schemas.trigger import RetrainStatus

__all__ = ["TrainingTables"]


class TrainingTables:
    """``order`` numbers what is written."""

    def __init__(self, capacity: Capacity, changes: Changes, order: Callable[[], int]) -> None:
        self._order = order
        self.answered: Table[TrainingDocument] = Table("training", capacity.trainings, changes)
        self.refused: Table[RefusedAnswerDocument] = Table("refused_answer", capacity.refused, changes)
        self.tables = (self.answered, self.refused)

    def load(self, found: Mapping[str, Sequence[tuple[str, object]]]) -> None:
        """Take back what was written, by kind."""
        self.answered.load((i, d) for i, d in found["training"] if isinstance(d, TrainingDocument))
        self.refused.load((i, d) for i, d in found["refused_answer"] if isinstance(d, RefusedAnswerDocument))

    def take(self, status: RetrainStatus, offset: int) -> None:
        """What a pipeline says of a trigger, and where it lies."""
        identity = msgspec.json.encode([status.model, status.trigger_id]).decode()
        document = training_after(self.answered.get(identity), self._order(), status, offset)
        self.answered.put(identity, document)

    def refuse(self, offset: int) -> None:
        """The answer that lies here had no effect."""
        self.refused.put(str(offset), RefusedAnswerDocument(order=self._order(), offset=offset))
