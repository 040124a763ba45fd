"""What a setting's type says: which values it allows, in words, and how a text becomes one of them.

The types are those that msgspec checks: numbers, texts, literals, lists, with their ranges in ``msgspec.Meta``. A struct or
dataclass is a table of settings. So the domain declares its parameters as it likes and is configured without further code.
"""

import dataclasses
import functools
import inspect
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from app.config.secret import Secret

__all__ = ["MISSING", "Field", "allowed", "convert", "fields_of", "is_secret", "is_table", "read_text", "remarks"]

MISSING = msgspec.NODEFAULT


class Field(NamedTuple):
    """One setting of a table. ``kind`` is its type with the ``Annotated`` around it."""

    name: str
    kind: Any
    default: Any
    table: Any

    @property
    def description(self) -> str:
        """What it is for, in one sentence."""
        said = next((meta.description for meta in _metas(self.kind) if meta.description), None)
        return said or remarks(self.table).get(self.name, "")

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        ranges = getattr(self.table, "RANGES", {})
        return f"{allowed(self.kind)} from {ranges[self.name]}" if self.name in ranges else allowed(self.kind)

    @property
    def bold(self) -> bool:
        """Whether it delays or drops data."""
        return any((meta.extra or {}).get("bold") for meta in _metas(self.kind))


def is_table(kind: Any) -> bool:
    """Whether a setting of this type is a table of settings."""
    bare = _bare(kind)
    return isinstance(bare, type) and (issubclass(bare, msgspec.Struct) or dataclasses.is_dataclass(bare))


def is_secret(kind: Any) -> bool:
    """Whether a setting of this type is masked, and may come from a file."""
    bare = _bare(kind)
    return bare is Secret or Secret in get_args(bare)


def fields_of(table: Any) -> list[Field]:
    """The settings of a struct or dataclass, in the order in which they are declared."""
    hints = get_type_hints(_bare(table), include_extras=True)
    return [Field(name, hints[name], default, _bare(table)) for name, default in _defaults(_bare(table))]


def _defaults(table: Any) -> Iterator[tuple[str, Any]]:
    if issubclass(table, msgspec.Struct):
        for field in msgspec.structs.fields(table):
            made = field.default_factory is not msgspec.NODEFAULT
            yield field.name, field.default_factory() if made else field.default
        return
    for item in dataclasses.fields(table):
        if item.init and item.default_factory is not dataclasses.MISSING:
            yield item.name, item.default_factory()
        elif item.init:
            yield item.name, MISSING if item.default is dataclasses.MISSING else item.default


@functools.cache
def remarks(table: type) -> dict[str, str]:
    """The ``#:`` comments above the fields of a class, by field: how the domain explains its parameters."""
    found: dict[str, str] = {}
    said: list[str] = []
    for line in inspect.getsource(table).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            said.append(text.removeprefix("#:").strip())
        elif said:
            found[text.partition(":")[0]] = " ".join(said)
            said = []
    return found


def convert(kind: Any, value: object, *, strict: bool = True) -> Any:
    """The value as the setting's type has it; ``ValueError`` if it is not allowed."""
    if is_secret(kind):
        if isinstance(value, str) and value:
            return Secret(value)
        raise ValueError
    result = msgspec.convert(value, kind, strict=strict)
    if isinstance(result, float) and not math.isfinite(result):
        raise ValueError
    return result


def read_text(kind: Any, text: str) -> Any:
    """The same for a text from the environment or the command line.

    A list is written as JSON or separated by commas. An empty text unsets what may be absent.

    >>> read_text(tuple[str, ...], "2.0.0,2.1.0"), read_text(int, "5")
    (('2.0.0', '2.1.0'), 5)
    """
    if text == "" and type(None) in get_args(_bare(kind)):
        return None
    try:
        return convert(kind, text, strict=False)
    except ValueError:
        if not _takes_list(kind):
            raise
    if text.lstrip().startswith("["):
        return convert(kind, msgspec.json.decode(text), strict=False)
    return convert(kind, [part.strip() for part in text.split(",")], strict=False)


def _takes_list(kind: Any) -> bool:
    bare = _bare(kind)
    return any(get_origin(_bare(one)) in {tuple, list, set, frozenset} for one in (bare, *get_args(bare)))


def allowed(kind: Any) -> str:
    """What a setting of this type may be, in words.

    >>> allowed(Annotated[int, msgspec.Meta(ge=1, le=64)])
    'an integer from 1 to 64'
    """
    metas, bare = list(_metas(kind)), _bare(kind)
    for meta in metas:
        if meta.extra and "allowed" in meta.extra:
            return str(meta.extra["allowed"])
    origin, parts = get_origin(bare), get_args(bare)
    if origin is Literal:
        return _one_of(parts)
    if origin in {Union, types.UnionType}:
        return " or ".join(allowed(part) for part in parts if part is not type(None))
    if origin in {tuple, list, set, frozenset}:
        return f"a list{_lengths(metas, 'entries')}, each {allowed(parts[0])}"
    if origin in {dict, Mapping}:
        return f"a table of name and {allowed(parts[1])}"
    return _plain(bare, metas)


def _one_of(parts: Sequence[object]) -> str:
    names = [str(part) for part in parts]
    return names[0] if len(names) == 1 else "one of " + ", ".join(names)


def _plain(bare: Any, metas: Sequence[msgspec.Meta]) -> str:
    if bare is bool:
        return "true or false"
    if bare is int:
        return "an integer" + _range(metas)
    if bare is float:
        return "a number" + _range(metas)
    if bare in {str, Secret}:
        patterns = [f" that matches {meta.pattern}" for meta in metas if meta.pattern]
        return "a text" + _lengths(metas, "characters") + "".join(patterns)
    if isinstance(bare, type) and hasattr(bare, "__members__"):
        return _one_of([member.value for member in bare.__members__.values()])
    return str(getattr(bare, "__name__", bare))


def _range(metas: Sequence[msgspec.Meta]) -> str:
    low, above, high, below = (_bound(metas, name) for name in ("ge", "gt", "le", "lt"))
    if low is not None and high is not None:
        return f" from {low} to {high}"
    words = [("of at least", low), ("above", above), ("at most", high), ("below", below)]
    said = [f"{word} {bound}" for word, bound in words if bound is not None]
    return " " + " and ".join(said) if said else ""


def _lengths(metas: Sequence[msgspec.Meta], unit: str) -> str:
    low, high = _bound(metas, "min_length"), _bound(metas, "max_length")
    if low is not None and high is not None:
        return f" of {low} to {high} {unit}"
    if high is not None:
        return f" of at most {high} {unit}"
    return "" if low is None else f" of at least {low} {unit}"


def _bound(metas: Sequence[msgspec.Meta], name: str) -> Any:
    return next((getattr(meta, name) for meta in metas if getattr(meta, name) is not None), None)


def _metas(kind: Any) -> Iterator[msgspec.Meta]:
    if get_origin(kind) is Annotated:
        yield from (meta for meta in kind.__metadata__ if isinstance(meta, msgspec.Meta))


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
