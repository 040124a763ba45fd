"""Where settings come from: a file, the environment, the command line. Each value keeps the place that it came from.

A source becomes a tree of tables whose leaves are ``Given``; ``merge`` lays a later tree over an earlier one, leaf by leaf.
This is the only module that reads the environment or a file. Nothing is decided about values here but one thing: a secret
``x`` may be given as ``x_file``, the name of a file that holds it (one trailing newline is not part of it).
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from app.config.faults import Fault, dotted, shown

__all__ = [
    "FILE_VARIABLE",
    "Given",
    "Tree",
    "from_environment",
    "from_file",
    "from_flags",
    "merge",
    "read_secrets",
    "variable_of",
]

PREFIX = "GNOMON_"
DEFAULT_FILE = "gnomon.toml"
FILE_VARIABLE = "GNOMON_CONFIG"
_FILE = "_file"
_SECRET_BYTES = 65_536  # a password or key file; a larger one is the wrong file


class Given(NamedTuple):
    """A value and where it came from. ``text``: it is still to be read as the setting's type."""

    value: object
    origin: str
    text: bool = False


Tree = dict[str, "Tree | Given"]


def from_file(named: str | None, named_by: str, faults: list[Fault]) -> Tree:
    """The tables of a TOML file; the default file may be absent, a named one may not."""
    path = Path(named or DEFAULT_FILE)
    if named is None and not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        faults.append(
            Fault("configuration file", named_by, shown(str(path)), f"{reason}; it has to be a TOML file that can be read")
        )
        return {}
    return _leaves(tables, str(path))


def _leaves(table: Mapping[str, object], origin: str) -> Tree:
    return {
        key: _leaves(value, origin) if isinstance(value, dict) else Given(value, origin)  # a table, or the value of a setting
        for key, value in table.items()
    }


def from_environment(environ: Mapping[str, str], known: Collection[str], faults: list[Fault]) -> Tree:
    """The variables whose name is ``GNOMON_`` and a path with ``__``.

    ``GNOMON_`` without ``__`` is left alone, since Kubernetes makes such names for a service called gnomon; but one that
    only lacks an underscore is a fault.
    """
    tree: Tree = {}
    flat = {variable.replace("__", "_"): variable for variable in map(variable_of, known)}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE:
            continue
        path = variable.removeprefix(PREFIX).lower().split("__")
        if len(path) > 1 and path[0] == "models" and path[1] != "default":
            faults.append(Fault(variable, "environment", None, "a model is set in the file or with --set, by its exact name"))
        elif len(path) > 1:
            _put(tree, path, Given(value, f"environment {variable}", text=True))
        elif variable in flat:
            faults.append(Fault(variable, "environment", None, f"there is no such setting; did you mean {flat[variable]}?"))
    return tree


def variable_of(name: str) -> str:
    """The environment variable of a setting.

    >>> variable_of("pairing.window_ms")
    'GNOMON_PAIRING__WINDOW_MS'
    """
    return PREFIX + name.upper().replace(".", "__")


def from_flags(flags: Iterable[str], faults: list[Fault]) -> Tree:
    """``--set`` as often as it was given: ``pairing.window_ms=5000``, ``models."a.b".shards=2``."""
    tree: Tree = {}
    for flag in flags:
        name, equals, value = flag.partition("=")
        path = _path(name) if equals else []
        if path:
            _put(tree, path, Given(value, f"--set {name.strip()}", text=True))
        else:
            faults.append(Fault("--set", "command line", shown(flag), "allowed is NAME=VALUE, such as pairing.window_ms=5000"))
    return tree


def _path(name: str) -> list[str]:
    try:
        node: object = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        return []
    path: list[str] = []
    while isinstance(node, dict) and len(node) == 1:
        [(key, node)] = node.items()
        path.append(key)
    return path if node == 0 else []


def _put(tree: Tree, path: list[str], given: Given) -> None:
    for key in path[:-1]:
        below = tree.setdefault(key, {})
        if isinstance(below, Given):
            return  # a table where a value was set: said when the table is bound
        tree = below
    tree[path[-1]] = given


def merge(lower: Tree, higher: Tree) -> Tree:
    """``higher`` laid over ``lower``."""
    result = dict(lower)
    for key, value in higher.items():
        below = result.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[key] = merge(below, value) if both else value  # type: ignore[arg-type]  # mypy does not narrow through `both`
    return result


def read_secrets(tree: Tree, secrets: Collection[tuple[str, ...]], faults: list[Fault]) -> Tree:
    """One source's tree with each ``x_file`` of a secret replaced by ``x``, what the file holds."""
    for path in secrets:
        table: Tree | Given = tree
        for key in path[:-1]:
            table = table.get(key, {}) if isinstance(table, dict) else {}
        given = table.pop(path[-1] + _FILE, None) if isinstance(table, dict) else None
        if not isinstance(given, Given) or not isinstance(table, dict) or given.value == "":
            continue
        if path[-1] in table:
            faults.append(
                Fault(
                    dotted(path), given.origin, None, f"{path[-1]} and {path[-1]}{_FILE} are both given; allowed is one of them"
                )
            )
        elif (secret := _read_secret(path, given, faults)) is not None:
            table[path[-1]] = secret
    return tree


def _read_secret(path: tuple[str, ...], given: Given, faults: list[Fault]) -> Given | None:
    name = dotted(path) + _FILE
    allowed = f"allowed is the name of a file of at most {_SECRET_BYTES} bytes that holds the secret"
    try:
        held = Path(str(given.value)).read_bytes()
        if 0 < len(held) <= _SECRET_BYTES:
            secret = held.decode().removesuffix("\n").removesuffix("\r")
            return Given(secret, f"file {given.value}, {given.origin}", text=True)
        reason = f"it has {len(held)} bytes"
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    faults.append(Fault(name, given.origin, shown(given.value), f"{reason}; {allowed}"))
    return None
