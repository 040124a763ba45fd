"""Binds a tree of given values to the structs that declare the settings.

Nothing stops at the first fault: a setting that is wrong is reported and its default stands in, so that the rest is
checked as well. The result may be used only if the report is empty.
"""

import difflib
from typing import Any

from app.config.faults import Fault, dotted, shown
from app.config.fields import MISSING, Field, convert, fields_of, is_secret, is_table, read_text
from app.config.secret import MASK
from app.config.sources import Given, Tree

__all__ = ["Report", "bind", "names_of", "secrets_of"]

_FAULT = object()


class Report:
    """What is wrong, and where each value came from (by name)."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        self.origins: dict[str, str] = {}


def bind(table: Any, tree: Tree | Given, path: tuple[str, ...], known: list[str], report: Report) -> Any:
    """An instance of ``table`` from what was given, or None where none can be made.

    ``known`` has the names of all settings, for the hint at one that does not exist.
    """
    if isinstance(tree, Given):
        fault = Fault(dotted(path), tree.origin, shown(tree.value), f"allowed is a table, [{dotted(path)}]")
        report.faults.append(fault)
        return _made(table, {}, path, report)
    fields = {field.name: field for field in fields_of(table)}
    for key in sorted(tree.keys() - fields.keys()):
        report.faults.append(_unknown((*path, key), tree[key], list(fields), known))
    values = {}
    for field in fields.values():
        value = _value(field, tree.get(field.name), (*path, field.name), known, report)
        if value is not _FAULT:
            values[field.name] = value
    return _made(table, values, path, report)


def _value(field: Field, given: "Tree | Given | None", path: tuple[str, ...], known: list[str], report: Report) -> Any:
    if is_table(field.kind):
        bound = bind(field.kind, {} if given is None else given, path, known, report)
        return _FAULT if bound is None else bound
    name = dotted(path)
    if given is None:
        report.origins[name] = "default"
        if field.default is MISSING:
            report.faults.append(Fault(name, "", None, f"has to be given: {field.allowed}"))
        return _FAULT
    if isinstance(given, dict):
        given = Given(_plain(given), _origin(given))
    report.origins[name] = given.origin
    try:
        return read_text(field.kind, str(given.value)) if given.text else convert(field.kind, given.value)
    except ValueError:
        came = MASK if is_secret(field.kind) else shown(given.value)
        report.faults.append(Fault(name, given.origin, came, f"allowed is {field.allowed}"))
        return _FAULT


def _made(table: Any, values: dict[str, Any], path: tuple[str, ...], report: Report) -> Any:
    """The struct; its own checks, where it has some, are faults of the table."""
    try:
        return table(**values)
    except ValueError as error:
        report.faults += [_fault_of_table(path, says, report.origins) for says in str(error).split("; ")]
    except TypeError:
        if not any(fault.name.startswith(dotted(path)) for fault in report.faults):
            raise
    return None


def _fault_of_table(path: tuple[str, ...], says: str, origins: dict[str, str]) -> Fault:
    """A fault found by the table's own checks; those of the domain begin with ``table.setting``."""
    setting = says.partition(" ")[0].removeprefix(f"{path[-1]}." if path else "").partition(".")[0]
    name = dotted((*path, setting))
    if name in origins:
        return Fault(name, origins[name], None, says)
    below = {origin for other, origin in origins.items() if other.startswith(f"{dotted(path)}.")}
    return Fault(dotted(path), ", ".join(sorted(below - {"default"})), None, says)


def _unknown(path: tuple[str, ...], node: Tree | Given, siblings: list[str], known: list[str]) -> Fault:
    kind = "setting" if isinstance(node, Given) else "table"
    near = difflib.get_close_matches(path[-1], siblings, 1)
    hints = [dotted((*path[:-1], near[0]))] if near else _elsewhere(path, known)
    hint = f"; did you mean {hints[0]}?" if hints else ""
    return Fault(dotted(path), _origin(node), None, f"there is no such {kind}{hint}")


def _elsewhere(path: tuple[str, ...], known: list[str]) -> list[str]:
    same = [name for name in known if name.rpartition(".")[2] == path[-1]]
    return same or difflib.get_close_matches(dotted(path), known, 1, cutoff=0.75)


def _origin(node: Tree | Given) -> str:
    if isinstance(node, Given):
        return node.origin
    return next((_origin(below) for below in node.values()), "an empty table")


def _plain(node: Tree | Given) -> Any:
    return node.value if isinstance(node, Given) else {key: _plain(below) for key, below in node.items()}


def names_of(table: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Field]]:
    """Every setting below a table with its path, in order."""
    found = []
    for field in fields_of(table):
        below = (*path, field.name)
        found += names_of(field.kind, below) if is_table(field.kind) else [(below, field)]
    return found


def secrets_of(table: Any) -> list[tuple[str, ...]]:
    """The paths of the secrets."""
    return [path for path, field in names_of(table) if is_secret(field.kind)]
