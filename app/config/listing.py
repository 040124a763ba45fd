"""The configuration as people read it: each effective value with its source, and the table of all settings.

Secrets are masked here once more, whatever holds them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from app.config.binding import names_of
from app.config.faults import dotted, shown
from app.config.fields import MISSING, Field, fields_of, is_secret, is_table
from app.config.loading import Loaded
from app.config.secret import MASK
from app.config.settings import Config, ModelSettings
from app.config.sources import variable_of

#: Of the domain's parameters those that delay or hold back what comes out.
_DELAYS = (
    "drift.warm_up",
    "alerts.for_s",
    "alerts.keep_firing_for_s",
    "retrain.cooldown_s",
    "retrain.minimum_events",
    "retrain.minimum_label_share",
    "retrain.repeat_after_s",
    "retrain.quorum",
    "retrain.daily_maximum",
    "retrain.quiet_hours",
    "retrain.veto",
    "retrain.approval_expires_s",
)

__all__ = ["Effective", "effective", "markdown", "toml"]


class Effective(NamedTuple):
    """One setting as it is in force. ``value`` is what JSON can hold."""

    name: str
    value: Any
    source: str


def effective(loaded: Loaded) -> Iterator[Effective]:
    """Every setting in order, those of each named model last."""
    for path, field in names_of(Config):
        if path != ("models",):
            yield _effective(loaded, loaded.config, path, path, field)
    for name, model in loaded.config.models.items():
        for path, field in names_of(ModelSettings):
            yield _effective(loaded, model, path, ("models", name, *path), field)


def _effective(loaded: Loaded, within: Any, path: tuple[str, ...], full: tuple[str, ...], field: Field) -> Effective:
    value = within
    for key in path:
        value = getattr(value, key)
    plain = MASK if is_secret(field.kind) and value is not None else msgspec.to_builtins(value)
    return Effective(dotted(full), plain, loaded.origins[dotted(full)])


def toml(loaded: Loaded) -> str:
    """The same as a ``gnomon.toml`` with the sources as comments; what is absent is commented out."""
    lines: list[str] = []
    table = ""
    for name, value, source in effective(loaded):
        within, _, setting = name.rpartition(".")
        if within != table:
            lines += ["", f"[{within}]"] if lines else [f"[{within}]"]
            table = within
        if value is None:
            lines.append(f"# {setting} is not set")
        else:
            masked = "# " if value == MASK else ""  # else a copy of this text would set the password to the mask
            lines.append(f"{masked}{setting} = {_toml_value(value)}  # {source}")
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    """JSON is TOML for numbers, texts, booleans and lists of them."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{dotted((key,))} = {_toml_value(below)}" for key, below in value.items()) + " }"
    return msgspec.json.encode(value).decode()


def markdown() -> str:
    """The tables of ``docs/configuration.md``: one for each section."""
    parts = [_table(f"`[{field.name}]`", field.kind, (field.name,)) for field in fields_of(Config) if is_table(field.kind)]
    return "\n".join([*parts, _table("`[models.NAME]`", ModelSettings, ("models", "NAME"))])


def _table(title: str, kind: Any, path: tuple[str, ...]) -> str:
    rows = [f"### {title}", "", (kind.__doc__ or "").partition("\n")[0], ""]
    rows += ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
    for below, field in names_of(kind):
        name = dotted((*path, *below))
        bold = "**" if field.bold or dotted(below) in _DELAYS else ""
        default = "required" if field.default is MISSING else "" if field.default is None else f"`{shown(field.default)}`"
        variable = "" if path[0] == "models" else f"<br>`{variable_of(name)}`"
        rows.append(f"| {bold}`{name}`{bold}{variable} | {default} | {_cell(field.allowed)} | {_cell(field.description)} |")
    return "\n".join([*rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
