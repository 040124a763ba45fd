"""A baseline: the references of a model's signals, made beforehand from a window of the log, and where a watch finds them.

A signal that a baseline has begins past its warm-up, with the model's first record, and decides to the bit as one whose warm-up
were the baseline's records (``tests/detectors/test_baselines.py`` holds both against each other). What it lacks, a new version's
answers among them, warms up as ever.

May not happen: judging by a document that is not the one that its id names, or that another algorithm was made for. So ``decode``
checks all of it, every signal's state included, and refuses by name (``BaselineError``) before anything is watched. Nothing in a
document names code.

Delivery guarantees: frozen; a signal is given a copy of its own, since a reference remembers the last few values.
"""

from typing import NamedTuple

import msgspec

from app.domain.detection.drift_config import ALGORITHM
from app.domain.detection.frozen import Frozen, FrozenShares
from app.domain.detection.state_codec import decode_state
from app.domain.detection.watched import SIDES
from schemas.baseline import BASELINE_BYTES, BaselineDocument, BaselineSignal, content_id
from schemas.envelope import parse_time
from schemas.errors import DecodeError
from schemas.json_text import shallow
from schemas.statistics import Role, Signal

__all__ = ["Baseline", "BaselineError", "PanelKey"]


class BaselineError(ValueError):
    """A document is no baseline that can be used."""


class PanelKey(NamedTuple):
    """Which panel of a model: the inputs are ``legacy`` without a version. ``segment``: name and value, None for all traffic."""

    role: Role
    version: str
    segment: tuple[str, str] | None = None


class Baseline:
    """See the module's text."""

    def __init__(self, document: BaselineDocument) -> None:
        self.document = document
        self.id, self.model = document.id, document.model
        self.expires_ms = None if document.expires is None else _time(document.expires, "expires")
        _time(document.created, "created")
        self._panels = {
            PanelKey(panel.role, panel.version, _segment(panel.segment)): {
                Signal(one.kind, one.name): one for one in panel.signals
            }
            for panel in document.panels
        }

    @classmethod
    def decode(cls, data: bytes) -> "Baseline":
        """The baseline in a document's bytes; ``BaselineError`` says what is wrong with them."""
        if len(data) > BASELINE_BYTES:
            message = f"it has {len(data):,} bytes: allowed are {BASELINE_BYTES:,}"
            raise BaselineError(message)
        try:
            document = msgspec.json.decode(shallow(data), type=BaselineDocument)
        except msgspec.DecodeError as error:
            message = f"it is no baseline: {error}"
            raise BaselineError(message) from error
        if document.id != (id_ := content_id(data)):
            message = f"it was changed or damaged: its id is {document.id!r}, what it says has {id_}"
            raise BaselineError(message)
        if document.algorithm != ALGORITHM:
            message = f"it was made for the algorithm {document.algorithm!r}, this release has {ALGORITHM!r}: create it anew"
            raise BaselineError(message)
        baseline = cls(document)
        for signals in baseline._panels.values():
            for one in signals.values():
                _frozen(one)
        return baseline

    def signals(self, key: PanelKey) -> tuple[Signal, ...]:
        """The signals that it has of a panel, in the order of their names."""
        return tuple(sorted(self._panels.get(key, {}), key=str))

    def frozen(self, key: PanelKey, signal: Signal) -> Frozen:
        """What a signal begins with."""
        return _frozen(self._panels[key][signal])

    def named(self, digest: str) -> dict[str, str | int | None]:
        """How statistics name it; ``digest`` is that of the signal's reference."""
        document = self.document
        return {"id": self.id, "digest": digest, "version": document.version, "owner": document.owner, "expires": self.expires_ms}


def _frozen(one: BaselineSignal) -> Frozen:
    signal = Signal(one.kind, one.name)
    try:
        frozen = Frozen.load(decode_state(one.state))
    except (ValueError, RecursionError) as error:  # msgspec's faults are ValueErrors
        message = f"signal {signal}: {error}"
        raise BaselineError(message) from error
    stage = frozen.stage
    if one.kind in SIDES and not (isinstance(stage, FrozenShares) and len(stage.labels) == 1):
        message = f"signal {signal}: its state is that of numbers or categories, expected is that of a share"
        raise BaselineError(message)
    return frozen


def _segment(segment: dict[str, str] | None) -> tuple[str, str] | None:
    if segment is None:
        return None
    if len(segment) != 1:
        message = f"a panel has the segment {segment!r}: allowed is one name and its value"
        raise BaselineError(message)
    return next(iter(segment.items()))


def _time(text: str, field: str) -> int:
    try:
        return parse_time(text, field)
    except DecodeError as error:
        raise BaselineError(str(error)) from error
