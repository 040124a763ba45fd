"""The commands ``gnomon triggers …``: what was triggered, whether its window still is what it was, and people's answers."""

import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from app.command_parts import FAILED, as_json, ask_kafka, configured, print_json, signed, write_action

if TYPE_CHECKING:
    from app.config import Config, Loaded
    from app.triggers import Told, WindowCheck
    from schemas.action import ActionName
    from schemas.trigger import RetrainTrigger

__all__ = ["triggers"]

Result = TypeVar("Result")


@click.group()
def triggers() -> None:
    """Retrain triggers: list, show, verify, export; approve, reject, fire."""


def _fail(message: str) -> NoReturn:
    click.echo(f"triggers: {message}", err=True)
    sys.exit(FAILED)


def _asked(config: "Config", ask: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    from app.triggers.log import LogError

    try:
        return ask_kafka(config, ask)
    except LogError as error:
        _fail(str(error))


@triggers.command("list")
@click.option("--model", metavar="NAME", help="Only this model's.")
@configured
@as_json
def list_triggers(loaded: "Loaded", *, model: str | None, as_json: bool) -> None:
    """Name all triggers that the topic still holds, oldest first, each in its latest state."""
    from app.triggers import told

    found = _asked(loaded.config, lambda: told(loaded.config, model))
    for count, what in ((found.unreadable, "records are no triggers"), (found.dropped, "older triggers are left out")):
        if count:
            click.echo(f"{count:,} {what}", err=True)
    if as_json:
        print_json({"triggers": [_as_data(each) for each in found.triggers.values()]})
        return
    for each in found.triggers.values():
        trigger = each.trigger
        said = (trigger.model.name, trigger.reason.code, f"{trigger.window.events:,} events", trigger.approval.state)
        click.echo(f"{trigger.trigger_id}  {each.time}  {'  '.join(said)}")


@triggers.command()
@click.argument("trigger", metavar="ID")
@configured
def show(loaded: "Loaded", *, trigger: str) -> None:
    """Show a trigger, whole, as JSON, in its latest state."""
    from app.triggers import find

    print_json(_as_data(_asked(loaded.config, lambda: find(loaded.config, trigger))))


@triggers.command()
@click.argument("trigger", metavar="ID")
@configured
@as_json
def verify(loaded: "Loaded", *, trigger: str, as_json: bool) -> None:
    """Read a trigger's window again: exit with 1 and name each difference, if it is no more what the trigger says."""
    found, check = _read_window(loaded.config, trigger, lambda _: None)
    if as_json:
        seen = {"events": check.events, "digest": check.digest, "differences": check.differences}
        print_json({"trigger_id": found.trigger_id, **seen})
    else:
        click.echo("".join(f"{each}\n" for each in check.differences), nl=False)
    click.echo(
        f"{len(check.differences)} differences" if check.differences else f"{check.events:,} events, as they were", err=True
    )
    sys.exit(FAILED if check.differences else 0)


@triggers.command()
@click.argument("trigger", metavar="ID")
@click.option("--to", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("--out", required=True, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="The file.")
@click.option("--partial", is_flag=True, help="Write what the log has, though it is not the trigger's window any more.")
@configured
def export(loaded: "Loaded", *, trigger: str, form: str, out: Path, partial: bool) -> None:
    """Write a trigger's very window to a file to train on: the pairs, one a line (jsonl), or one a row (parquet)."""
    from app.triggers.parquet import load_pyarrow
    from app.triggers.table import TableError

    if not out.absolute().parent.is_dir():
        message = f"--out: there is no folder {out.absolute().parent}"
        raise click.UsageError(message)
    lines = out.with_name(f"{out.name}.{os.getpid()}")
    try:
        if form == "parquet":
            load_pyarrow()
        count = _export(loaded.config, trigger, form, lines, out, partial=partial)
    except (TableError, OSError) as error:
        _fail(f"{out} cannot be written: {error}")
    finally:
        lines.unlink(missing_ok=True)
    click.echo(f"written to {out}, {count:,} pairs", err=True)


def _export(config: "Config", id_: str, form: str, lines: Path, out: Path, *, partial: bool) -> int:
    """All of it or nothing: ``out`` is there once it is whole."""
    from app.triggers.parquet import write_parquet

    with lines.open("wb") as file:
        found, check = _read_window(config, id_, lambda value: _write_line(file, value))
    for each in check.differences:
        click.echo(f"differs {each}", err=True)
    if check.differences and not partial:
        _fail("the log is not what the trigger says; --partial writes it all the same")
    if form == "jsonl":
        lines.replace(out)
        return check.events
    whole = out.with_name(f"{out.name}.{os.getpid()}.parquet")
    try:
        count = write_parquet(lines, whole, {"trigger_id": found.trigger_id, "digest": check.digest})
        whole.replace(out)
    finally:
        whole.unlink(missing_ok=True)
    return count


def _write_line(file: Any, value: bytes) -> None:
    file.write(value + b"\n")


def _read_window(config: "Config", id_: str, take: Callable[[bytes], None]) -> tuple["RetrainTrigger", "WindowCheck"]:
    from app.triggers import check_window, find

    async def read() -> tuple["RetrainTrigger", "WindowCheck"]:
        found = (await find(config, id_)).trigger
        return found, await check_window(config, found, take)

    return _asked(config, read)


@triggers.command()
@click.argument("trigger", metavar="ID")
@signed
@configured
@as_json
def approve(loaded: "Loaded", *, trigger: str, by: str, why: str, as_json: bool) -> None:
    """Approve a trigger that waits for it; the role `decide` then writes it again, as approved."""
    _answer(loaded.config, "approve", trigger, by, why, as_json=as_json)


@triggers.command()
@click.argument("trigger", metavar="ID")
@signed
@configured
@as_json
def reject(loaded: "Loaded", *, trigger: str, by: str, why: str, as_json: bool) -> None:
    """Reject a trigger that waits for approval; its cause is settled."""
    _answer(loaded.config, "reject", trigger, by, why, as_json=as_json)


@triggers.command()
@click.argument("model", metavar="MODEL")
@signed
@configured
@as_json
def fire(loaded: "Loaded", *, model: str, by: str, why: str, as_json: bool) -> None:
    """Ask for a retraining of a model by hand, on what came since its last trigger."""
    _act(loaded.config, "trigger", model, by, why, as_json=as_json)


def _answer(config: "Config", action: "ActionName", id_: str, by: str, why: str, *, as_json: bool) -> None:
    from app.triggers import find

    trigger = _asked(config, lambda: find(config, id_)).trigger
    if trigger.approval.state != "pending":
        _fail(f"{id_} waits for no approval: its state is {trigger.approval.state}")
    _act(config, action, trigger.model.name, by, why, as_json=as_json, trigger_id=id_)


def _act(config: "Config", action: "ActionName", model: str, by: str, why: str, *, as_json: bool, **about: Any) -> None:
    from app.actions import NoTopicError

    try:
        write_action(config, action, model, by, why, as_json=as_json, **about)
    except NoTopicError as error:
        _fail(str(error))


def _as_data(told: "Told") -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(told.trigger), "time": told.time, "partition": told.partition, "offset": told.offset}
