"""``/api/v1/models/NAME/pairs``: the newest pairs on which legacy and shadows differ most, read from Kafka when asked for.

The only path that needs Kafka: 503 while it is away, or while as many reads are under way as there may be (counted).
"""

import msgspec
from aiohttp import ETag, web

from app.samples import PAIRS_KEPT, KeptPair, PairSample, Read, SampleError, TooManyReadsError
from app.web.api import no_model
from app.web.asked import choice_of, limit_of, text_of
from app.web.context import CONTEXT
from app.web.given import not_known, sent, tag_of
from app.web.problems import problem
from app.web.shapes import Confusion, PairsAnswer, SampledPair, ShadowSample

__all__ = ["ORDERS", "PAIRS", "pairs"]

ORDERS = ("disagreement",)
#: Pairs in one answer: the most, and unless asked.
PAIRS = (PAIRS_KEPT, 20)


async def pairs(request: web.Request) -> web.Response:
    """``GET /api/v1/models/NAME/pairs``."""
    context, name = request.app[CONTEXT], request.match_info["name"]
    seen = await context.read_model.current()
    if (refusal := not_known(seen)) is not None:
        return refusal
    if name not in seen.models:
        return no_model(name)
    limit, version = limit_of(request, PAIRS), text_of(request, "version")
    choice_of(request, "order", ORDERS)
    try:
        read = await context.samples.of(name, seen.models[name].partitions)
    except TooManyReadsError as refusal:
        context.metrics.web_samples_refused.inc()
        return problem(503, str(refusal), {"Retry-After": "5"})
    except SampleError as failure:
        return problem(503, f"the pairs cannot be read: {failure}", {"Retry-After": "5"})
    text = msgspec.json.encode(_told(name, read, version, limit))
    return sent(request, text, ETag(tag_of(text)))


def _told(name: str, read: Read, version: str | None, limit: int) -> PairsAnswer:
    sample = read.sample
    chosen = {each: shadow for each, shadow in sorted(sample.shadows.items()) if version in {None, each}}
    worst = sorted((pair for shadow in chosen.values() for pair in shadow.pairs), key=lambda pair: pair.rank, reverse=True)
    return PairsAnswer(
        as_of=read.at_ms,
        model=name,
        order="disagreement",
        sampled=sample.sampled,
        by_status=dict(sorted(sample.by_status.items())),
        malformed=sample.malformed,
        offsets=read.offsets,
        cut_short=read.cut_short,
        shadows=[_shadow(sample, each) for each in chosen],
        shadows_left_out=sample.shadows_left_out,
        pairs=[_pair(pair) for pair in worst[:limit]],
    )


def _shadow(sample: PairSample, version: str) -> ShadowSample:
    shadow = sample.shadows[version]
    found = shadow.confusion()
    confusion = None if found is None else Confusion(labels=found[0], counts=found[1])
    return ShadowSample(version=version, compared=shadow.compared, disagreeing=shadow.disagreeing, confusion=confusion)


def _pair(pair: KeptPair) -> SampledPair:
    return SampledPair(
        request_id=pair.request_id,
        timestamp=pair.timestamp,
        partition=pair.partition,
        offset=pair.offset,
        legacy_version=pair.legacy.version,
        shadow_version=pair.shadow.version,
        legacy=pair.legacy.prediction,
        shadow=pair.shadow.prediction,
        difference=pair.shadow.difference,
        agrees=pair.shadow.agrees,
        disagreement=pair.disagreement,
        features=pair.features,
        segments=pair.segments,
    )
