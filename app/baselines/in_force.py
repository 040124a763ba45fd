"""The baselines that a configuration names, ``[models.NAME.drift] baseline``: read, checked, and known by their ids.

A path and an id that name the same document are the same setting: ``in_force`` puts the id in the path's place, so that the
figures' digest does not depend on where a file lies. What cannot be used is a fault of the configuration, and all faults are
told at once: a file that is missing or damaged, an id that is not pinned, a baseline of another model, or any in
``[models.default]``.

Nothing is read again later: another baseline takes a restart.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.baselines.pinned import TOPIC, PinError, find
from app.config import Config, ConfigError, Fault, ModelSettings
from app.config.faults import dotted, shown
from app.domain.detection.baseline import Baseline, BaselineError
from app.topic_table import Topics
from schemas.baseline import BASELINE_BYTES

__all__ = ["InForce", "check_files", "in_force", "read_file"]

_ID = re.compile(r"sha256:[0-9a-f]{64}")


class InForce(NamedTuple):
    """A configuration in which baselines are named by id, and the baselines."""

    config: Config
    baselines: dict[str, Baseline]


def read_file(path: str) -> tuple[Baseline, bytes]:
    """The baseline in a file, and the file's bytes; ``OSError`` or ``BaselineError`` where there is none."""
    with Path(path).open("rb") as file:
        data = file.read(BASELINE_BYTES + 1)
    return Baseline.decode(data), data


def check_files(config: Config) -> None:
    """``ConfigError`` where a baseline that is a file, or a name of one, cannot be used. What is pinned is not asked for."""
    _read_files(config)


async def in_force(config: Config) -> InForce:
    """The baselines that the models' settings name; ``ConfigError`` with every one that cannot be used."""
    found = _read_files(config)
    if ids := {name for _, name in _named(config) if _ID.fullmatch(name)}:
        found |= await _read_pinned(config, ids)
    models = dict(config.models)
    for model, name in _named(config):
        models[model] = _by_id(models[model], found[name].id)
    return InForce(msgspec.structs.replace(config, models=models), {one.id: one for one in found.values()})


def _by_id(settings: ModelSettings, id_: str) -> ModelSettings:
    return msgspec.structs.replace(settings, drift=replace(settings.drift, baseline=id_))


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """Each model with the baseline that its settings name."""
    default = config.model("default").drift.baseline
    for model, settings in config.models.items():
        name = settings.drift.baseline
        if name and (model == "default" or name != default):
            yield model, name


def _read_files(config: Config) -> dict[str, Baseline]:
    def read(model: str, name: str) -> Baseline | str | None:
        if model == "default":
            return "a baseline is one model's; allowed is [models.NAME.drift]"
        if _ID.fullmatch(name):
            return None
        if name.startswith("sha256:"):
            return "an id has 64 hexadecimal digits behind `sha256:`"
        try:
            return read_file(name)[0]
        except OSError as error:
            return f"the file cannot be read: {error.strerror or error}"

    return _read(config, read)


async def _read_pinned(config: Config, ids: set[str]) -> dict[str, Baseline]:
    topic = Topics(config.topics.prefix).full(TOPIC)
    why = f"it is not pinned on {topic}; `gnomon baseline pin FILE` does that"
    try:
        documents = await find(config, ids)
    except PinError as error:
        documents, why = {}, str(error)

    def read(_: str, name: str) -> Baseline | str | None:
        if name not in ids:
            return None
        if name not in documents:
            return why
        baseline = Baseline.decode(documents[name])
        return baseline if baseline.id == name else f"on {topic} it is another document, {baseline.id}"

    return _read(config, read)


def _read(config: Config, read: Callable[[str, str], Baseline | str | None]) -> dict[str, Baseline]:
    """What ``read`` gives for each model and name: a baseline, what is wrong with it, or nothing."""
    found, faults = dict[str, Baseline](), []
    for model, name in _named(config):
        try:
            one = read(model, name)
        except BaselineError as error:
            one = str(error)
        if isinstance(one, Baseline) and one.model != model:
            one = f"it is a baseline of the model {shown(one.model)}"
        if isinstance(one, Baseline):
            found[name] = one
        elif one is not None:
            faults.append(Fault(dotted(("models", model, "drift", "baseline")), "", shown(name), one))
    if faults:
        raise ConfigError(faults)
    return found
