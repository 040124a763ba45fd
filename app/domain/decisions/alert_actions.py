"""What people said of alerts, taken in: acknowledgements, silences, and silences that are taken back.

An action that can have no effect is refused by name and changes nothing: nobody should believe that an alert is silent that is
not.

Delivery guarantees: the state is saved whole; an action that is read twice says the same again.
"""

from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.decide_state import State
from app.domain.decisions.silences import Acknowledged, after
from schemas.action import Action
from schemas.errors import DecodeError, quoted

__all__ = ["take"]


def take(state: State, action: Action) -> None:
    """Acknowledge, silence or unsilence; ``DecodeError`` where there is nothing of the kind."""
    subject = _subject(state, action)
    if action.action != "acknowledge":
        subject.silences = after(subject.silences, action)
        return
    mark = action.fingerprint or ""
    if not subject.acknowledge(mark, Acknowledged(action.by, action.why, action.timestamp)):
        raise DecodeError("invalid_schema", f"$.fingerprint: {quoted(mark)} is no alert of {action.subject} that is up")


def _subject(state: State, action: Action) -> Subject:
    """The model, or the input topic."""
    subject = state.subjects.get(action.subject) or state.subjects.get(f"topic/{action.subject}")
    if subject is None:
        which = f"{quoted(action.subject)} is no model and no input topic that statistics have told of on this partition"
        raise DecodeError("invalid_schema", f"$.subject: {which}; the key of the record has to be the subject")
    return subject
