"""``/pipeline`` and ``/dead-letters``: whether the stream itself is well, and what was refused, why, and how that is mended."""

from typing import Any, NamedTuple

from app.read_model.documents import LetterExample
from app.read_model.views import Pairing
from app.web.mending import ADVICE
from app.web.pages import standing
from app.web.pages.asked import Asked
from app.web.pages.layout import UNACCOUNTED, Page
from app.web.probes import roles_of

__all__ = ["dead_letters", "pipeline"]

EXAMPLES_SHOWN = 20
VALUE_BYTES_SHOWN = 240


class Refused(NamedTuple):
    """How many events of a topic were refused for a reason."""

    topic: str
    reason: str
    events: int
    mending: str


def pipeline(asked: Asked) -> Page:
    """Counts, the equation, roles, and the partitions of the read model."""
    seen = asked.seen
    unaccounted = asked.context.metrics.shown_figures.total(UNACCOUNTED)
    stream = standing.standings(seen, roles_of(asked.context.health), unaccounted)[2]
    values: dict[str, Any] = {
        "stream_standing": stream,
        "pipeline": seen.pipeline,
        "pairs": _pairs(seen.pipeline.pairing),
        "unaccounted": unaccounted,
        "lags": asked.context.metrics.lags(),
        "partitions": sorted(seen.pipeline.partitions, key=lambda part: part.partition),
        "alerts": [each for each in seen.alerts if each.status == "firing" and standing.area_of(each) == "stream"],
    }
    return Page("pipeline.html", "Pipeline", "pipeline", f"Stream: {stream.word.lower()}.", values)


def dead_letters(asked: Asked) -> Page:
    """What was refused, by topic and reason; ``topic`` and ``reason`` choose."""
    letters = asked.seen.pipeline.dead_letters
    topic, reason = asked.text("topic"), asked.text("reason")
    refused = [
        Refused(name, why, count, " ".join(ADVICE[why if why in ADVICE else "unknown"]))
        for name, counts in letters.by_topic.items()
        for why, count in counts.items()
        if topic in {"", name} and reason in {"", why}
    ]
    newest: list[LetterExample] = asked.seen.letters
    chosen = [each for each in newest if topic in {"", each.topic} and reason in {"", each.reason}]
    refused.sort(key=lambda each: (-each.events, each.topic, each.reason))
    values: dict[str, Any] = {
        "letters": letters,
        "refused": refused,
        "examples": [(each, _value_said(each)) for each in chosen[:EXAMPLES_SHOWN]],
        "topics": sorted(letters.by_topic),
        "reasons": sorted({why for counts in letters.by_topic.values() for why in counts}),
        "topic": topic,
        "reason": reason,
    }
    return Page("dead_letters.html", "Dead letters", "dead-letters", "Dead letters by topic and reason.", values)


def _value_said(letter: LetterExample) -> str:
    """The first bytes of a dead letter, where they are known; what is no UTF-8 as escapes."""
    value = getattr(letter, "value", None)
    return value[:VALUE_BYTES_SHOWN].decode("utf-8", "backslashreplace") if isinstance(value, bytes) else ""


def _pairs(pairing: Pairing) -> int:
    return pairing.paired + pairing.partial + pairing.legacy_only + pairing.shadow_only + pairing.solo
