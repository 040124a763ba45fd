"""What people decide, over HTTP: acknowledge an alert, silence some, approve or reject a retrain trigger, fire one.

Each becomes the event on ``actions`` that the command of the same name writes. What the read model knows to be impossible is
refused here, so that people are told at once. The role ``decide`` has the last word; what it refuses goes to ``dead.letters``.

A request that ends with 503 may have been written or not: sent again with its ``Idempotency-Key`` it is written once.

*Bounds.* ``WRITES`` at a time; ``WRITE_SECONDS`` for Kafka to take it; of bodies those of ``bodies``.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from aiohttp import web
from aiokafka.errors import KafkaError

from app.actions import INPUT_TOPICS, NoTopicError, Sent, all_alerts_of, new_action, subject_of_silence
from app.config import ConfigError
from app.read_model.views import Overview
from app.web.action_bodies import Said, SilenceSaid, Written
from app.web.asked import text_of
from app.web.auth_access import Access, access_of
from app.web.bodies import read_body
from app.web.context import Reader
from app.web.repeats import Repeats
from schemas.action import Action, ActionName

__all__ = ["WRITES", "Actions", "Writer"]

WRITES = 16
WRITE_SECONDS = 10.0
#: So many are named where several subjects have a silence of one id.
SUBJECTS = 10
Body = TypeVar("Body", bound=Said)
#: The subject of an action, and its further fields.
About = tuple[str, dict[str, Any]]
log = structlog.get_logger(__name__)


class Writer(Protocol):
    """What writes actions (``app.actions.ActionWriter``)."""

    async def write(self, action: Action) -> Sent:
        """Write one; raises what Kafka says."""

    async def close(self) -> None:
        """End."""


class Actions:
    """The handlers."""

    def __init__(self, read_model: Reader, writer: Writer) -> None:
        self._read_model, self._writer = read_model, writer
        self._repeats = Repeats()
        self._under_way = 0

    async def acknowledge(self, request: web.Request) -> web.Response:
        """``POST /api/v1/alerts/{fingerprint}/acknowledge``."""
        fingerprint = request.match_info["fingerprint"]
        return await self._act(request, "acknowledge", Said, lambda seen, _: _alert(seen, fingerprint))

    async def approve(self, request: web.Request) -> web.Response:
        """``POST /api/v1/triggers/{id}/approve``."""
        id_ = request.match_info["id"]
        return await self._act(request, "approve", Said, lambda seen, _: _trigger(seen, id_))

    async def reject(self, request: web.Request) -> web.Response:
        """``POST /api/v1/triggers/{id}/reject``."""
        id_ = request.match_info["id"]
        return await self._act(request, "reject", Said, lambda seen, _: _trigger(seen, id_))

    async def fire(self, request: web.Request) -> web.Response:
        """``POST /api/v1/models/{name}/triggers``."""
        name = request.match_info["name"]
        return await self._act(request, "trigger", Said, lambda seen, _: _model(seen, name))

    async def silence(self, request: web.Request) -> web.Response:
        """``POST /api/v1/silences``."""
        return await self._act(request, "silence", SilenceSaid, _silence)

    async def unsilence(self, request: web.Request) -> web.Response:
        """``DELETE /api/v1/silences/{id}``; ``model`` says which where several subjects have one of this id.

        An id that a path cannot have, ``.`` or ``..``, comes as ``id``.
        """
        asked, model = text_of(request, "id"), text_of(request, "model")
        id_ = request.match_info["id"] or asked or ""
        return await self._act(request, "unsilence", Said, lambda seen, _: _silence_of(seen, id_, model))

    async def close(self, _app: web.Application) -> None:
        """End the producer."""
        await self._writer.close()

    async def _act(
        self, request: web.Request, name: ActionName, kind: type[Body], find: Callable[[Overview, Body], About]
    ) -> web.Response:
        text = await read_body(request)
        said = _decoded(text, kind)
        by = _by(said, access_of(request))

        async def act(mark: str | None) -> bytes:
            seen = await self._read_model.current()
            if seen.as_of is None:
                raise web.HTTPServiceUnavailable(text="the read model cannot be read", headers={"Retry-After": "2"})
            subject, about = find(seen, said)
            return await self._write(new_action(name, subject, by, said.why, mark=mark, **about))

        body = await self._repeats.once(request, by, text, act)
        return web.Response(status=202, body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    async def _write(self, action: Action) -> bytes:
        if self._under_way >= WRITES:
            raise web.HTTPServiceUnavailable(text=f"{WRITES} writes are under way already", headers={"Retry-After": "1"})
        self._under_way += 1
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                sent = await self._writer.write(action)
        except (KafkaError, OSError, TimeoutError, NoTopicError, ConfigError) as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("an action cannot be written", action=action.action, id=action.id, reason=reason)
            detail = "Kafka has not taken it in time; whether it will is not known: ask again with the same Idempotency-Key"
            raise web.HTTPServiceUnavailable(text=detail, headers={"Retry-After": "10"}) from error
        finally:
            self._under_way -= 1
        log.info("an action was written", action=action.action, id=action.id, subject=action.subject, by=action.by)
        written = Written(
            id=action.id, action=action.action, subject=action.subject, by=action.by,
            timestamp=action.timestamp, until=action.until, **sent._asdict(),
        )  # fmt: skip
        return msgspec.json.encode(written)


def _decoded(text: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise web.HTTPUnprocessableEntity(text=f"the body: {error}") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise web.HTTPBadRequest(text=f"the body is no JSON: {error}") from None


def _by(said: Said, access: Access) -> str:
    """Who decides: whoever is signed in, and nobody else; without authentication whoever is named."""
    if access.name is None and said.by is None:
        raise web.HTTPUnprocessableEntity(text="the body: Object missing required field `by`")
    if access.name is not None and said.by not in {None, access.name}:
        raise web.HTTPUnprocessableEntity(text=f"`$.by` is {said.by!r}; allowed is {access.name!r}, who sends this, or nothing")
    return access.name or said.by or ""


def _alert(seen: Overview, fingerprint: str) -> About:
    found = [alert for alert in seen.alerts if alert.fingerprint == fingerprint]
    if not found:
        raise web.HTTPNotFound(
            text=f"there is no alert {fingerprint[:100]!r} in the read model; /api/v1/alerts lists all there are"
        )
    firing = next((alert.labels for alert in found if alert.status == "firing"), None)
    if firing is None:
        raise web.HTTPConflict(text=f"the alert {fingerprint} is resolved; only one that fires can be acknowledged")
    return firing.get("model") or firing.get("topic", ""), {"fingerprint": fingerprint}


def _trigger(seen: Overview, id_: str) -> About:
    found = next((each.trigger for each in seen.triggers if each.trigger.trigger_id == id_), None)
    if found is None:
        raise web.HTTPNotFound(text=f"there is no trigger {id_[:100]!r} in the read model; /api/v1/triggers lists all there are")
    if found.approval.state != "pending":
        raise web.HTTPConflict(text=f"the trigger {id_} waits for no approval: its state is {found.approval.state}")
    return found.model.name, {"trigger_id": id_}


def _model(seen: Overview, name: str) -> About:
    if name not in seen.models:
        raise web.HTTPNotFound(text=f"there is no model {name[:100]!r} in the read model; /api/v1/models lists all there are")
    return name, {}


def _silence(seen: Overview, said: SilenceSaid) -> About:
    if (said.model is None) == (said.topic is None):
        raise web.HTTPUnprocessableEntity(text="the body: one of `model` and `topic` is needed, and not both")
    if said.topic is not None and said.topic not in INPUT_TOPICS:
        raise web.HTTPUnprocessableEntity(text=f"`$.topic` is {said.topic!r}; allowed: {', '.join(INPUT_TOPICS)}")
    subject = said.topic or _model(seen, said.model or "")[0]
    until = int(time.time() * 1000) + said.minutes * 60_000
    return subject, {"matchers": dict(said.match) or all_alerts_of(subject), "until": until}


def _silence_of(seen: Overview, id_: str, model: str | None) -> About:
    found = [each for each in seen.silences if each.id == id_ and model in {None, each.subject}]
    held = sorted({each.subject for each in found if each.may_hold})
    if found and not held:
        raise web.HTTPConflict(text=f"the silence {id_[:100]!r} holds nothing back: it is {found[0].status}")
    if len(held) > 1:
        several = ", ".join(held[:SUBJECTS]) + (", …" if len(held) > SUBJECTS else "")
        raise web.HTTPConflict(text=f"there are silences {id_[:100]!r} of {several}; the parameter `model` says which")
    subject = held[0] if held else model or subject_of_silence(id_)
    if not held and (not id_ or subject not in {*seen.models, *INPUT_TOPICS}):
        raise web.HTTPNotFound(text=f"there is no silence {id_[:100]!r} in the read model; /api/v1/silences lists all there are")
    return subject, {"silence": id_}
