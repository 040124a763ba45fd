"""What people said of alerts, as one partition keeps it: silences, acknowledgements, and what was refused of them. Pure.

What an action makes of a subject's silences is what the role decide makes of it (``app.domain.decisions.silences``). Whether that
refused it cannot be told from the action alone: there may be no such model, or no such alert just then. The dead letter says so,
and it may be read before the action or after it: it is a document of its own, and whoever shows both puts them together.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from app.domain.decisions.silences import Acknowledged, Silence, after
from app.read_model.action_documents import AcknowledgedDocument, RefusedDocument, SaidOfAlert, SilenceDocument, SilenceEnd
from app.read_model.capacity import Capacity
from app.read_model.table import Changes, Table
from schemas.action import Action
from schemas.errors import DecodeError

__all__ = ["ActionTables"]


class ActionTables:
    """``standing`` are the silences that are neither taken back nor let go; ``order`` numbers what is written."""

    def __init__(self, capacity: Capacity, changes: Changes, order: Callable[[], int]) -> None:
        self._order, self._said = order, capacity.said
        self.standing: Table[SilenceDocument] = Table("silence", capacity.silences, changes)
        self.ended: Table[SilenceDocument] = Table("silence", capacity.ended, changes)
        self.acknowledged: Table[AcknowledgedDocument] = Table("acknowledged", capacity.acknowledged, changes)
        self.refused: Table[RefusedDocument] = Table("refused", capacity.refused, changes)
        self.tables = (self.standing, self.ended, self.acknowledged, self.refused)

    def load(self, found: Mapping[str, Sequence[tuple[str, object]]]) -> None:
        """Take back what was written, by kind."""
        silences = [(i, d) for i, d in found["silence"] if isinstance(d, SilenceDocument)]
        self.standing.load((i, d) for i, d in silences if d.end is None)
        self.ended.load((i, d) for i, d in silences if d.end is not None)
        self.acknowledged.load((i, d) for i, d in found["acknowledged"] if isinstance(d, AcknowledgedDocument))
        self.refused.load((i, d) for i, d in found["refused"] if isinstance(d, RefusedDocument))

    def take(self, action: Action, offset: int) -> None:
        """One action, and where it lies. What is about triggers, and what can have no effect, changes nothing."""
        if action.action == "acknowledge":
            self._acknowledge(action, offset)
        elif action.action in {"silence", "unsilence"}:
            self._silence(action, offset)

    def refuse(self, offset: int) -> None:
        """The action that lies here had no effect."""
        self.refused.put(str(offset), RefusedDocument(order=self._order(), offset=offset))

    def _acknowledge(self, action: Action, offset: int) -> None:
        mark = action.fingerprint or ""
        identity = _identity(action.subject, mark)
        before = self.acknowledged.get(identity)
        one = SaidOfAlert(Acknowledged(action.by, action.why, action.timestamp), offset)
        said = [*(before.said if before else ()), one][-self._said :]
        document = AcknowledgedDocument(order=self._order(), subject=action.subject, fingerprint=mark, said=said)
        self.acknowledged.put(identity, document)

    def _silence(self, action: Action, offset: int) -> None:
        standing = {each.id: each for each in self.standing if each.subject == action.subject}
        before = {id_: each.silence for id_, each in standing.items()}
        try:
            left = after(before, action)
        except DecodeError:
            return
        for id_, silence in standing.items():
            if id_ not in left:
                self._end(silence, action)
        if action.action == "silence":
            self._begin(action, left[action.id], offset)

    def _begin(self, action: Action, silence: Silence, offset: int) -> None:
        identity = _identity(action.subject, action.id)
        self.ended.remove(identity)
        document = SilenceDocument(
            order=self._order(), id=action.id, subject=action.subject, silence=silence, at=action.timestamp, offset=offset
        )
        if self.standing.get(identity) is None and len(self.standing) >= self.standing.capacity:
            # Not the oldest: which are over in event time is for other inputs to say, and one that ends early is the likeliest.
            first = min(self.standing, key=lambda each: each.silence.until)
            self.standing.remove(_identity(first.subject, first.id))
            self.standing.dropped += 1
        self.standing.put(identity, document)

    def _end(self, ended: SilenceDocument, action: Action) -> None:
        identity, at = _identity(ended.subject, ended.id), action.timestamp
        how = SilenceEnd("displaced" if ended.silence.until > at else "time", "", "", at)
        if action.action == "unsilence":
            how = SilenceEnd("taken_back", action.by, action.why, at)
        self.standing.remove(identity)
        self.ended.put(identity, msgspec.structs.replace(ended, order=self._order(), end=how))


def _identity(*names: str) -> str:
    return msgspec.json.encode(names).decode()
