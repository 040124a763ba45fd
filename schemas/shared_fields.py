"""What every input message shares: a request id, a time and a model's name, with their fallbacks and their bounds."""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Raw

from schemas.envelope import Envelope, parse_time
from schemas.errors import DecodeError, quoted
from schemas.limits import DAY_MS, EARLIEST_MS, LATEST_MS, Limits

__all__ = ["SharedFields", "parse", "remember"]

_MODEL = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
_KNOWN = 10_000
_Known = TypeVar("_Known", str, bytes)
_Message = TypeVar("_Message")


def parse(decode: Callable[[bytes | Raw], _Message], text: bytes | Raw) -> _Message:
    """One typed parse; what it refuses becomes ``DecodeError``, with the field path that msgspec gives."""
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        _well_formed(text)
        raise DecodeError("invalid_schema", str(error)) from None
    except msgspec.DecodeError as error:
        raise DecodeError("not_json", str(error)) from None
    except RecursionError:
        raise DecodeError("too_large", "the value is nested deeper than a parser can follow") from None


def _well_formed(text: bytes | Raw) -> None:
    """A typed parse ends at the first wrong type: what follows may still be no JSON, and that is said first."""
    try:
        msgspec.json.decode(text, type=Raw)
    except msgspec.DecodeError as error:
        raise DecodeError("not_json", str(error)) from None


def remember(known: dict[_Known, _Known], name: _Known) -> None:
    """Note what was found good, so that it is not looked at again and stands in memory once; a full table begins anew."""
    if len(known) >= _KNOWN:
        known.clear()
    known[name] = name


class SharedFields:
    """The fallbacks and bounds that every input message shares: its request id, its time, its model's name."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.models: dict[str, str] = {}

    def request_id(self, given: str | None, envelope: Envelope, key: bytes | None) -> str:
        """The payload's id, else the envelope's, else the record's key."""
        where, text = "$.request_id", given
        if text is None:
            where, text = "ce_correlationid", envelope.correlationid
        if text is None:
            where = "the record's key"
            try:
                text = key.decode() if key is not None else None
            except UnicodeDecodeError:
                raise DecodeError("invalid_schema", f"{where}: {quoted(key)} is not UTF-8") from None
        if text is None:
            raise DecodeError("invalid_schema", "$.request_id: missing, and there is no ce_correlationid and no key")
        size = len(text.encode())
        if not 0 < size <= self.limits.request_id_bytes:
            allowed = f"1 to {self.limits.request_id_bytes} bytes are allowed"
            raise DecodeError("invalid_schema", f"{where}: {quoted(text)} has {size} bytes; {allowed}")
        return text

    def timestamp(self, given: int | str | None, envelope: Envelope, record_ms: int) -> int:
        """The payload's time, else the envelope's, else the record's; refused where no clock could have said it."""
        if given is None:
            given = parse_time(envelope.time, "ce_time") if envelope.time is not None else record_ms
        elif isinstance(given, str):
            given = parse_time(given, "$.timestamp")
        if given < EARLIEST_MS:
            hint = "; these look like seconds" if EARLIEST_MS <= given * 1000 <= record_ms + DAY_MS else ""
            raise DecodeError("timestamp_out_of_range", f"$.timestamp: {given} is before 2000-01-01 in milliseconds{hint}")
        if record_ms < 0 and given > LATEST_MS:
            message = f"$.timestamp: {given} is after 2100-01-01, and the record has no time of its own"
            raise DecodeError("timestamp_out_of_range", message)
        if given > record_ms + DAY_MS and record_ms >= 0:
            message = f"$.timestamp: {given} is more than 24 h ahead of the record's own time, {record_ms}"
            raise DecodeError("timestamp_out_of_range", message)
        return given

    def model(self, name: str) -> None:
        """Refuse what is no model's name."""
        self.name(name, "$.model")

    def name(self, name: str, where: str) -> None:
        """Refuse what is neither a model's name nor a topic's; ``where`` is the field path for the refusal."""
        if not _MODEL(name):
            raise DecodeError("invalid_schema", f"{where}: {quoted(name)}; 1 to 128 of A-Z a-z 0-9 . _ - are allowed")
        remember(self.models, name)
