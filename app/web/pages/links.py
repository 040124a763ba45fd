"""The addresses of things. Every name is quoted whole, so that none can pass for another, or for a part of the path.

>>> signal_url("credit", "feature", "a/b", "2.0.0", {"channel": "web"})
'/models/credit/signals/feature/a%2Fb?version=2.0.0&segment=channel%3Dweb'
>>> signal_url("credit", "prediction", "", "", None)
'/models/credit/signals/prediction/'
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from app.domain.decisions.alert_kinds import segment_label
from app.read_model.marks import subject_of
from app.read_model.silence_views import Silence
from app.read_model.views import Alert
from app.web.asked import segment_text

__all__ = [
    "alert_subject_url", "alert_url", "model_url", "quoted", "series_url", "signal_url", "silence_url", "silences_url",
    "topic_url", "traffic_url", "trigger_url",
]  # fmt: skip

#: As parts of a path these would be resolved away by whoever follows the link.
_DOTS = {".", ".."}


def model_url(name: str, **query: str) -> str:
    """The page of a model."""
    return _with(f"/models/{quoted(name)}", query)


def signal_url(model: str, kind: str, name: str, version: str, segment: Mapping[str, str] | str | None) -> str:
    """The page of a signal; ``segment`` as its parts, or as an alert's label has it."""
    text = segment if isinstance(segment, str) else segment_label(segment)
    query = {"version": version, "segment": text}
    if name in _DOTS:
        return _with(f"/models/{quoted(model)}/signals/{quoted(kind)}/", {"name": name, **query})
    return _with(f"/models/{quoted(model)}/signals/{quoted(kind)}/{quoted(name)}", query)


def alert_url(fingerprint: str) -> str:
    """The page of an alert."""
    return f"/alerts/{quoted(fingerprint)}"


def trigger_url(id_: str) -> str:
    """The page of a retrain trigger."""
    return f"/triggers/{quoted(id_)}"


def alert_subject_url(alert: Alert) -> str:
    """The page of what an alert is about: its signal, its model, or its topic's dead letters."""
    labels = alert.labels
    model, topic = labels.get("model", ""), labels.get("topic", "")
    if model and labels.get("signal"):
        kind, _, name = labels["signal"].partition("/")
        return signal_url(model, kind, name, labels.get("version", ""), labels.get("segment", ""))
    if model:
        return model_url(model)
    return topic_url(topic) if topic else "/pipeline"


def silences_url(alert: Alert) -> str:
    """The silences of the alert's model, or topic."""
    return _with("/silences", {"model": subject_of(alert.labels)})


def silence_url(silence: Silence) -> str:
    """Where a silence is taken back."""
    which = {"id": silence.id} if silence.id in _DOTS else {}
    return _with(f"/api/v1/silences/{'' if which else quoted(silence.id)}", which | {"model": silence.subject})


def topic_url(topic: str) -> str:
    """What was refused of an input topic."""
    return _with("/dead-letters", {"topic": topic})


def series_url(model: str, version: str, signal: str, segment: Mapping[str, str] | None, since: int | None) -> str:
    """The history of a signal from an event time on, as JSON."""
    query = {"version": version, "signal": signal, "segment": segment_text(segment), "from": "" if since is None else str(since)}
    return _with(f"/api/v1/models/{quoted(model)}/series", query)


def traffic_url(model: str, since: int | None) -> str:
    """The history of a model's pairing counts from an event time on, as JSON."""
    return _with(f"/api/v1/models/{quoted(model)}/traffic", {"from": "" if since is None else str(since)})


def quoted(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def _with(path: str, query: Mapping[str, str]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
