"""``/api/v1/dead-letters``: what was refused, examples with their first bytes, and how the producer is mended.

A value is data of a producer and may be anything: it is shown as base64, and as text only where it is UTF-8, in JSON and never in
a page.
"""

import base64

from aiohttp import web
from msgspec import UNSET

from app.read_model.documents import LetterExample
from app.read_model.views import Overview
from app.web.api import from_overview
from app.web.asked import choice_of, cut, page_of, text_of
from app.web.given import answer
from app.web.mending import ADVICE
from app.web.shapes import DeadLettersAnswer, Letter, LetterCount, LetterValue
from schemas.dead_letter import REASONS

__all__ = ["SHOWN_REASONS", "dead_letters", "value_of"]

SHOWN_REASONS: tuple[str, ...] = (*REASONS, "unknown")


@from_overview
def dead_letters(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/dead-letters``: counts and the newest examples; ``topic`` and ``reason`` choose."""
    topic, reason = text_of(request, "topic"), choice_of(request, "reason", SHOWN_REASONS)
    counts = [
        LetterCount(topic=where, reason=why, count=count, meaning=ADVICE[known][0], mend=ADVICE[known][1])
        for where, by_reason in seen.pipeline.dead_letters.by_topic.items()
        for why, count in sorted(by_reason.items())
        for known in [why if why in ADVICE else "unknown"]
        if topic in {None, where} and reason in {None, why}
    ]
    found = [each for each in seen.letters if topic in {None, each.topic} and reason in {None, each.reason}]
    page, following = page_of(request, found, _key, newest_first=True)
    told = DeadLettersAnswer(
        as_of=seen.as_of,
        stale=seen.stale,
        total=sum(each.count for each in counts),
        counts=counts,
        examples=[_letter(each) for each in page],
        next=following,
    )
    return answer(request, seen, told)


def value_of(value: bytes, length: int) -> LetterValue:
    """The first bytes of a value of this length; a character that is cut in two at the end is no fault of the producer.

    >>> value_of("Zürich".encode()[:2], 7).text
    'Z'
    """
    text: str | None = None
    for end in range(len(value), max(len(value) - 4, -1) if length > len(value) else len(value) - 1, -1):
        try:
            text = value[:end].decode()
            break
        except UnicodeDecodeError:
            continue
    return LetterValue(base64=base64.b64encode(value).decode(), text=text, bytes=length, cut=length > len(value))


def _letter(each: LetterExample) -> Letter:
    value = None if each.value is UNSET or each.value_bytes is UNSET else value_of(each.value, each.value_bytes)
    return Letter(
        reason=each.reason,
        detail=each.detail,
        topic=each.topic,
        partition=each.partition,
        offset=each.offset,
        timestamp=each.timestamp,
        value=value,
    )


def _key(each: LetterExample) -> tuple[int, int, str, int, str, str]:
    return (each.timestamp or 0, each.offset, cut(each.topic), each.partition, each.reason, cut(each.detail))
