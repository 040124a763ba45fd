"""The record of a request, from the halves that it holds."""

import msgspec

from app.domain.pairing.answers import compare
from app.domain.pairing.request import Request
from schemas.cloudevents import binary_headers
from schemas.half import Half
from schemas.pair import LegacyHalf, Pair, PairStatus, ShadowHalf
from schemas.trace_context import trace_headers

__all__ = ["pair_headers", "pair_record"]

_encode = msgspec.json.Encoder().encode
_HEADERS = [header for header in binary_headers("io.gnomon.pair.v1", "/gnomon/pair", "") if header[0] != "ce_id"]


def pair_headers(request: Request) -> list[tuple[str, bytes]]:
    """The record's envelope. Its id is model, request and opening, which no two records share: a model's name has no slash.

    It goes on in the trace of the half that the record's features are of, if that is in one. The half's own record has it,
    which is held until the request is written, and read again in a rebuild: so it needs no place in a checkpoint.
    """
    headers = [*_HEADERS, ("ce_id", f"{request.model.name}/{request.request_id}/{request.opening}".encode())]
    source = request.legacy or (request.shadows[0] if len(request.shadows) == 1 else _in_order(request)[0])
    if source.source.headers:
        headers += trace_headers(source.source.headers)
    return headers


def pair_record(request: Request, status: PairStatus, tolerance: float) -> bytes:
    """The record's value, as the contract lays it out."""
    legacy = request.legacy
    shadows = request.shadows if len(request.shadows) == 1 else _in_order(request)
    source = legacy if legacy is not None else shadows[0]
    answers: tuple[ShadowHalf, ...] = (_shadow(shadows[0], legacy, tolerance),) if len(shadows) == 1 else ()
    if len(shadows) > 1:
        answers = tuple(_shadow(half, legacy, tolerance) for half in shadows)
    return _encode(
        Pair(
            request.request_id,
            request.model.name,
            source.timestamp,
            status,
            None
            if legacy is None
            else LegacyHalf(legacy.version, legacy.prediction, legacy.timestamp, legacy.latency_ms, legacy.cost),
            answers,
            () if status == "paired" or status == "solo" else _missing(request),
            source.features,
            source.segments,
            source.metadata,
        )
    )


def _in_order(request: Request) -> tuple[Half, ...]:
    """As they are configured, and then by version."""
    rank = {version: number for number, version in enumerate(request.expected)}
    return tuple(sorted(request.shadows, key=lambda half: (rank.get(half.version, len(rank)), half.version)))


def _missing(request: Request) -> tuple[str, ...]:
    present = {half.version for half in request.shadows}
    versions = tuple(version for version in request.expected if version not in present)
    return versions if request.legacy is not None else ("legacy", *versions)


def _shadow(half: Half, legacy: Half | None, tolerance: float) -> ShadowHalf:
    difference, agrees = (None, None) if legacy is None else compare(legacy.prediction, half.prediction, tolerance)
    return ShadowHalf(half.version, half.prediction, half.timestamp, half.latency_ms, half.cost, difference, agrees)
