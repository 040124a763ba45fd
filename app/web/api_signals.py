"""The REST API of one model: its signals, its versions, its signals' distributions beside their references."""

from typing import get_args

import msgspec
from aiohttp import web
from msgspec import UNSET

from app.read_model.views import STATE_ORDER, Overview, Signal, Version
from app.web.api import from_overview, no_model
from app.web.asked import choice_of, cut, page_of, refused, segment_text, text_of
from app.web.given import answer
from app.web.histograms import histogram_of
from app.web.problems import problem
from app.web.shapes import Histograms, Signals, Versions
from schemas.statistics import SignalKind

__all__ = ["HISTOGRAMS", "KINDS", "histograms", "signals", "versions"]

#: The kinds that are signals: ``pairing`` is a record of counts.
KINDS: tuple[str, ...] = tuple(kind for kind in get_args(SignalKind) if kind != "pairing")
#: Distributions in one answer: one for each version, segment and shard of a signal.
HISTOGRAMS = (100, 20)


@from_overview
def signals(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/models/NAME/signals``: without figures and history; kind, version, state and segment choose."""
    name = request.match_info["name"]
    if name not in seen.models:
        return no_model(name)
    kind, state = choice_of(request, "kind", KINDS), choice_of(request, "state", STATE_ORDER)
    found = [
        signal
        for signal in _chosen(request, seen.models[name].signals)
        if kind in {None, signal.kind} and state in {None, signal.state}
    ]
    page, following = page_of(request, found, _signal_key)
    short = [msgspec.structs.replace(signal, statistics=UNSET, history=UNSET, baselines=UNSET) for signal in page]
    return answer(request, seen, Signals(as_of=seen.as_of, stale=seen.stale, model=name, signals=short, next=following))


@from_overview
def versions(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/models/NAME/versions``: legacy ones first."""
    name = request.match_info["name"]
    if name not in seen.models:
        return no_model(name)
    page, following = page_of(request, seen.models[name].versions, _version_key)
    return answer(request, seen, Versions(as_of=seen.as_of, stale=seen.stale, model=name, versions=page, next=following))


@from_overview
def histograms(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/models/NAME/histograms``: the distributions of one signal."""
    name = request.match_info["name"]
    if name not in seen.models:
        return no_model(name)
    wanted = text_of(request, "signal", least=1)
    if wanted is None:
        raise refused("signal", "", "kind/name or kind, as /api/v1/models/{name}/signals lists them")
    of_name = [signal for signal in seen.models[name].signals if signal.signal == wanted]
    if not of_name:
        return problem(404, f"{name!r} has no signal {wanted[:200]!r}; /api/v1/models/{{name}}/signals lists all there are")
    page, following = page_of(request, _chosen(request, of_name), _signal_key, most_and_usual=HISTOGRAMS)
    shown = [histogram_of(signal) for signal in page]
    return answer(request, seen, Histograms(as_of=seen.as_of, stale=seen.stale, model=name, histograms=shown, next=following))


def _chosen(request: web.Request, found: list[Signal]) -> list[Signal]:
    """Those of the version and the segment that are asked for."""
    version, segment = text_of(request, "version"), text_of(request, "segment")
    return [
        signal for signal in found
        if version in {None, signal.version} and (segment is None or segment == segment_text(signal.segment))
    ]  # fmt: skip


def _signal_key(signal: Signal) -> tuple[str, str, str, str, int]:
    """An order that does not move with the state."""
    return (signal.kind, cut(signal.name), cut(signal.version), cut(segment_text(signal.segment)), signal.partition)


def _version_key(version: Version) -> tuple[bool, str]:
    return (version.role != "legacy", cut(version.version))
