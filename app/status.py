"""The overview in text, for those on a shell: are the models healthy, is the data healthy, is the stream healthy.

Pure: what is known goes in, lines come out. How the three stand is on top, a sign, a word and a sentence each, by the rules
of the page (``app.web.pages.standing``), of what all workers know together; then what fires, the models, the worst first, and
the triggers. Whatever comes from producers is shown without control characters, so that no name can move the cursor of a
terminal.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from app.read_model.views import Alert, Model, Overview, Trigger
from app.web.pages.standing import standings, urgency
from app.web.words import STATES, amount, clock, percent, rfc3339

__all__ = ["lines"]

#: Rows of a table, unless more are asked for; what is left out is said.
ROWS = 20


def lines(seen: Overview, rows: int = ROWS) -> Iterator[str]:
    """The whole overview, a line each."""
    yield f"as of {clock(seen.as_of)} UTC"
    for standing in standings(seen, {}, None):
        yield f"{standing.sign}  {standing.area:<8}{standing.word}: {_plain(standing.sentence)}"
    firing = [alert for alert in seen.alerts if alert.status == "firing"]
    yield from _table(f"{len(firing):,} alerts firing", _ALERT_HEAD, map(_alert, firing), rows)
    models = sorted(seen.models.values(), key=urgency)
    yield from _table(f"{len(models):,} models", _MODEL_HEAD, map(_model, models), rows)
    yield from _table(f"{len(seen.triggers):,} retrain triggers", _TRIGGER_HEAD, map(_trigger, seen.triggers), rows)


_ALERT_HEAD = ("SINCE", "SEVERITY", "ALERT", "MODEL", "VERSION", "ABOUT", "FINGERPRINT")
_MODEL_HEAD = ("MODEL", "STATE", "SIGNALS", "MATCH RATE", "PAIRED", "UNTIL", "ALERTS")
_TRIGGER_HEAD = ("SENT", "REASON", "MODEL", "VERSION", "EVENTS", "APPROVAL", "TRIGGER")


def _alert(alert: Alert) -> Sequence[str]:
    severity, name, model, version = (alert.labels.get(each, "") for each in ("severity", "alertname", "model", "version"))
    about = alert.labels.get("signal") or alert.labels.get("topic", "")
    return (rfc3339(alert.starts_at), severity, name, model, version, about, alert.fingerprint)


def _model(model: Model) -> Sequence[str]:
    sign, word = STATES[model.state] if model.state is not None else ("◌", "Unknown")
    drifting = sum(signal.state == "drift" for signal in model.signals)
    signals = f"{drifting} of {len(model.signals)} drift" if drifting else f"{len(model.signals)}"
    rate, paired, until = percent(model.pairing.match_rate), amount(model.pairing.paired), clock(model.pairing.until)
    return (model.name, f"{sign} {word}", signals, rate, paired, until, amount(model.alerts_open))


def _trigger(sent: Trigger) -> Sequence[str]:
    one = sent.trigger
    events, approval = amount(one.window.events), one.approval.state
    return (rfc3339(sent.time), one.reason.code, one.model.name, one.model.version, events, approval, one.trigger_id)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], most: int) -> Iterator[str]:
    """Columns as wide as their widest entry; the rows beyond ``most`` are said to be there."""
    every = [[_plain(cell) for cell in row] for row in rows]
    yield ""
    yield title
    if not every:
        return
    shown = every[:most]
    widths = [max(len(row[at]) for row in [head, *shown]) for at in range(len(head))]
    for row in [head, *shown]:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(every) > most:
        yield f"  … and {len(every) - most:,} more"


def _plain(text: str) -> str:
    r"""Without what a terminal would obey.

    >>> _plain("a\x1b[2Jb")
    'a\ufffd[2Jb'
    """
    return "".join("\ufffd" if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"} else each for each in text)
