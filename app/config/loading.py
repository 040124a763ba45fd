"""The configuration of a process: defaults, then the file, the environment, the command line, each over the one before.

Every fault of every source is found in one pass and raised as one ``ConfigError``; nothing is half configured.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from app.config.binding import Report, bind, names_of, secrets_of
from app.config.faults import ConfigError, Fault, dotted, shown
from app.config.rules import broken_rules
from app.config.settings import Config, ModelSettings
from app.config.sources import FILE_VARIABLE, Given, Tree, from_environment, from_file, from_flags, merge, read_secrets

__all__ = ["Loaded", "load"]

_MODEL = re.compile(r"^[A-Za-z0-9._-]{1,128}$")


class Loaded(NamedTuple):
    """A configuration, and for each setting's name the place that its value came from."""

    config: Config
    origins: dict[str, str]


def load(environ: Mapping[str, str] | None = None, *, flags: Iterable[str] = (), file: str | None = None) -> Loaded:
    """The effective configuration; ``ConfigError`` with all its faults if there is any.

    ``file`` and ``flags`` are from the command line; the environment is the process's own unless it is given.
    """
    faults: list[Fault] = []
    environ = os.environ if environ is None else environ
    known = [dotted(path) for path, _ in names_of(Config) if path != ("models",)]
    named_by = "command line" if file else f"environment {FILE_VARIABLE}" if environ.get(FILE_VARIABLE) else ""
    tree: Tree = {}
    for source in (
        from_file(file or environ.get(FILE_VARIABLE) or None, named_by, faults),
        from_environment(environ, known, faults),
        from_flags(flags, faults),
    ):
        tree = merge(tree, _split_password(read_secrets(source, secrets_of(Config), faults), faults))
    report = Report(faults)
    models = _models(tree.pop("models", {}), report)
    config = bind(Config, tree, (), known, report)
    del report.origins["models"]
    if config is not None:
        faults += broken_rules(config, faults, report.origins)
    if faults:
        raise ConfigError(faults)
    return Loaded(msgspec.structs.replace(config, models=models), report.origins)


def _models(tree: Tree | Given, report: Report) -> dict[str, ModelSettings]:
    """Each table ``[models.NAME]`` laid over ``[models.default]``."""
    if isinstance(tree, Given):
        report.faults.append(Fault("models", tree.origin, shown(tree.value), "allowed are tables, [models.NAME]"))
        return {}
    default = tree.get("default", {})
    known = [dotted(path) for path, _ in names_of(ModelSettings)]
    models = {}
    for name, given in {"default": default, **tree}.items():
        path = ("models", name)
        if not _MODEL.match(name):
            allowed = "a model's name is 1 to 128 letters, digits, dots, underscores and hyphens"
            report.faults.append(Fault(dotted(path), "", None, allowed))
        inherits = name != "default" and isinstance(default, dict) and isinstance(given, dict)
        of_default = Report([]) if inherits else report
        laid = merge(default, given) if inherits else given  # type: ignore[arg-type]  # `inherits` says that both are tables
        models[name] = bind(ModelSettings, laid, path, known, of_default)
        report.origins.update(of_default.origins)
        report.faults += [fault for fault in of_default.faults if not _is_of_default(fault, name, report.faults)]
    return models


def _is_of_default(fault: Fault, name: str, faults: list[Fault]) -> bool:
    """Whether a model's fault is one that it inherits, and that was reported where it stands."""
    inherited = fault.name.replace(dotted(("models", name)), "models.default", 1)
    return fault._replace(name=inherited) in faults


def _split_password(tree: Tree, faults: list[Fault]) -> Tree:
    """One source's tree with the password that stands in ``redis.url`` moved to ``redis.password``, where it is masked."""
    redis = tree.get("redis")
    given = redis.get("url") if isinstance(redis, dict) else None
    if not isinstance(redis, dict) or not isinstance(given, Given) or not isinstance(given.value, str):
        return tree
    url = urlsplit(given.value)
    user, colon, password = url.netloc.rpartition("@")[0].partition(":")
    if "password=" in url.query or (colon and "password" in redis):
        faults.append(
            Fault("redis.url", given.origin, None, "the password is allowed in redis.password or as user:password@, once")
        )
    elif colon:
        host = url.netloc.rpartition("@")[2]
        redis["url"] = given._replace(value=urlunsplit(url._replace(netloc=f"{user}@{host}" if user else host)))
        redis["password"] = Given(unquote(password), given.origin, text=True)
    return tree
