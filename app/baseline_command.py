"""The commands ``gnomon baseline create``, ``show`` and ``pin``: arguments in, a document, its figures or a record out."""

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from app.command_parts import FAILED, as_json, ask_kafka, configured, print_json

if TYPE_CHECKING:
    from app.config import Config, Loaded
    from app.domain.detection.baseline import Baseline
    from app.replay.window import Window

__all__ = ["baseline"]

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")


@click.group()
def baseline() -> None:
    """What a model's signals are compared with, made once from a window of the log."""


def _sized(most: int) -> Any:
    """Refuses a text of another length."""

    def check(_: click.Context, option: click.Parameter, text: str | None) -> str | None:
        if text is not None and not 1 <= len(text) <= most:
            message = f"it has {len(text)} characters: allowed are 1 to {most}"
            raise click.BadParameter(message, param=option)
        return text

    return check


def _in_a_folder(_: click.Context, option: click.Parameter, path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        message = f"there is no folder {path.absolute().parent}"
        raise click.BadParameter(message, param=option)
    return path


@baseline.command()
@click.option("--model", required=True, metavar="NAME", help="Whose pairs.")
@click.option("--from", "begin", metavar="TIME", help="Records written from this time on; RFC 3339 or milliseconds.")
@click.option("--to", "end", metavar="TIME", help="Records written before this time.")
@click.option("--owner", required=True, callback=_sized(256), help="Who answers for it.")
@click.option(
    "--version", metavar="NAME", callback=_sized(128), help="Its name among the model's baselines; by default the time."
)
@click.option("--expires", metavar="TIME|DURATION", help="From when on it is stale: a time, or 90d, 12h, …; never by default.")
@click.option("--out", required=True, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), callback=_in_a_folder,
              help="The document.")  # fmt: skip
@configured
@as_json
def create(
    loaded: "Loaded",
    *,
    model: str,
    begin: str | None,
    end: str | None,
    owner: str,
    version: str | None,
    expires: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Make a baseline of a model from a window of `pairs`, and write it to a file.

    Each signal's reference is made of its values in the whole window, of more than 100,000 of a part; one with fewer than 1,000
    is left out.
    """
    from app.replay.history import HistoryError, Stretch, replayed
    from app.replay.window import Window
    from schemas.cloudevents import rfc3339

    now_ms = int(time.time() * 1000)
    stretch = Stretch(*(None if text is None else _moment(text) for text in (begin, end)))
    until = None if expires is None else rfc3339(_expiry(expires, now_ms))
    window = Window(model, loaded.config.model(model).drift)
    try:
        ask_kafka(loaded.config, lambda: replayed(loaded.config, stretch, [window]))
    except HistoryError as error:
        _fail(str(error))
    created = rfc3339(now_ms)
    made, data = _made(window, model, version or created, owner, created, until)
    _write(out, data)
    click.echo(f"written to {out}, {len(data):,} bytes", err=True)
    _show(made, len(data), as_json=as_json)


def _made(window: "Window", model: str, version: str, owner: str, created: str, expires: str | None) -> tuple["Baseline", bytes]:
    """The baseline and its bytes; the command's failure where there is too little, or too much, in the window."""
    from app.domain.detection.baseline import Baseline
    from app.domain.detection.baseline_making import LEAST, document
    from schemas.baseline import BASELINE_BYTES

    gathering = window.gathered()
    if not gathering.pairs:
        _fail(f"there are no pairs of the model {model!r} in this window; are --model, --from and --to right?")
    data = document(gathering, window.source(), version=version, owner=owner, created=created, expires=expires)
    if len(data) > BASELINE_BYTES:
        _fail(f"it would have {len(data):,} bytes: allowed are {BASELINE_BYTES:,}; watch fewer features or segments")
    made = Baseline.decode(data)
    if not any(panel.signals for panel in made.document.panels):
        _fail(f"no signal has {LEAST:,} values in the {gathering.pairs:,} pairs of this window: take a longer one")
    return made, data


@baseline.command()
@click.argument("name", metavar="FILE|ID")
@configured
@as_json
def show(loaded: "Loaded", *, name: str, as_json: bool) -> None:
    """Show what a baseline holds: who answers for it, until when, from which window, and each signal's figures."""
    found, data = _pinned(loaded.config, name) if name.startswith("sha256:") else _read(name)
    _show(found, len(data), as_json=as_json)


@baseline.command()
@click.argument("document", metavar="FILE")
@configured
@as_json
def pin(loaded: "Loaded", *, document: str, as_json: bool) -> None:
    """Put a baseline on the topic `baselines`, where every worker finds it under its id. A second time it is left as it is."""
    from app.baselines import PinError
    from app.baselines import pin as put

    found, data = _read(document)
    try:
        pinned = ask_kafka(loaded.config, lambda: put(loaded.config, found, data))
    except PinError as error:
        _fail(str(error))
    if as_json:
        print_json({"id": found.id, **pinned._asdict()})
        return
    click.echo(found.id)
    click.echo(
        f"{'was pinned already' if pinned.already else 'pinned'}: {pinned.topic}-{pinned.partition}@{pinned.offset}", err=True
    )


def _fail(message: str) -> NoReturn:
    click.echo(f"baseline: {message}", err=True)
    sys.exit(FAILED)


def _moment(text: str) -> int:
    from app.replay.injection import InjectionError, moment_of

    try:
        return moment_of(text)
    except InjectionError as error:
        raise click.UsageError(str(error)) from error


def _expiry(text: str, now_ms: int) -> int:
    found = _DURATION.fullmatch(text)
    if found is not None:
        return now_ms + int(found[1]) * _UNITS_S[found[2]] * 1000
    try:
        return _moment(text)
    except click.UsageError as error:
        message = f"--expires: {error.message}; or a duration such as 90d, 12h, 30m"
        raise click.UsageError(message) from error


def _write(out: Path, data: bytes) -> None:
    """All of it or nothing: a worker that reads at this moment sees the old document or the new one."""
    beside = out.with_name(f"{out.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        _fail(f"{out} cannot be written: {error.strerror or error}")


def _read(file: str) -> tuple["Baseline", bytes]:
    from app.baselines import read_file
    from app.domain.detection.baseline import BaselineError

    try:
        return read_file(file)
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror or error}"
        raise click.UsageError(message) from error
    except BaselineError as error:
        _fail(f"{file}: {error}")


def _pinned(config: "Config", id_: str) -> tuple["Baseline", bytes]:
    from app.baselines import PinError, find
    from app.domain.detection.baseline import Baseline, BaselineError

    try:
        documents = ask_kafka(config, lambda: find(config, {id_}))
        if id_ not in documents:
            _fail(f"{id_} is not pinned")
        return Baseline.decode(documents[id_]), documents[id_]
    except (PinError, BaselineError) as error:
        _fail(f"{id_}: {error}")


def _show(found: "Baseline", size: int, *, as_json: bool) -> None:
    from app.baselines.telling import as_data, lines

    expired = found.expires_ms is not None and found.expires_ms <= time.time() * 1000
    if as_json:
        print_json(as_data(found, size, expired=expired))
    else:
        click.echo("".join(f"{line}\n" for line in lines(found, expired=expired)), nl=False)
