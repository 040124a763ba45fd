"""The command ``gnomon replay``: arguments in, tables or JSON out."""

import sys
from typing import IO, TYPE_CHECKING, Any

import click

from app.command_parts import FAILED, MisconfiguredError, as_json, ask_kafka, configured, print_json

if TYPE_CHECKING:
    from app.config import Config, Loaded
    from app.replay.history import Stretch
    from app.replay.injection import Injection
    from app.replay.play import Play

__all__ = ["replay"]


@click.command()
@click.option("--model", metavar="NAME", help="Only this model's pairs.")
@click.option("--from", "begin", metavar="TIME", help="Records written from this time on; RFC 3339 or milliseconds.")
@click.option("--to", "end", metavar="TIME", help="Records written before this time.")
@click.option("--compare", nargs=2, metavar="A.toml B.toml", type=click.Path(exists=True, dir_okay=False),
              help="Two configurations side by side, in place of the one in force.")  # fmt: skip
@click.option(
    "--inject", metavar="DRIFT", help="Put a drift into the history, such as 'feature/income:+0.5sd@2026-11-01T00:00:00Z'."
)
@click.option("--out", type=click.File("wb", lazy=False), help="Write the records of drift.statistics here, a line each.")
@configured
@as_json
def replay(
    loaded: "Loaded",
    *,
    model: str | None,
    begin: str | None,
    end: str | None,
    compare: tuple[str, str] | None,
    inject: str | None,
    out: IO[bytes] | None,
    as_json: bool,
) -> None:
    """Run the detectors over the history on `pairs`, with any settings; nothing is written to Kafka.

    From the log's beginning on, with the settings in force, the decisions are those of the running service, to the last byte.

    --compare prints the alarms of two configuration files side by side. --inject adds a known drift to real history and reports
    how soon it is found, and what was said before it: SIGNAL:CHANGE[ SHARE%]@EVENT-TIME, where SIGNAL is feature/NAME,
    prediction, latency or cost ('shadow prediction' for shadows alone), and CHANGE is +0.5sd, +3, -3, x1.2, null or =VALUE.
    """
    from app.replay.history import HistoryError, replayed

    async def run() -> None:
        for play in plays:
            await play.prepare()
        await replayed(loaded.config, stretch, plays)

    if compare and inject:
        message = "--compare and --inject cannot be used together"
        raise click.UsageError(message)
    names, plays, drift = _plays(loaded.config, model, compare, inject)
    stretch = _stretch(begin, end)
    plays[-1].file = out
    try:
        ask_kafka(loaded.config, run)
    except HistoryError as error:
        click.echo(f"replay: {error}", err=True)
        sys.exit(FAILED)
    _tell(names, plays, drift, as_json=as_json)


def _tell(names: list[str], plays: list["Play"], drift: "Injection | None", *, as_json: bool) -> None:
    from app.replay.telling import as_data, beside, injected, injected_text, listed

    if as_json:
        document: dict[str, Any] = {"runs": [as_data(name, play) for name, play in zip(names, plays, strict=True)]}
        print_json(document | ({"injected": injected(drift, *plays)} if drift is not None else {}))
    elif drift is not None:
        click.echo(injected_text(injected(drift, *plays)), nl=False)
    else:
        click.echo(beside(names, plays) if len(plays) > 1 else listed(plays[0]), nl=False)


def _stretch(begin: str | None, end: str | None) -> "Stretch":
    from app.replay.history import Stretch
    from app.replay.injection import InjectionError, moment_of

    try:
        return Stretch(*(None if text is None else moment_of(text) for text in (begin, end)))
    except InjectionError as error:
        raise click.UsageError(str(error)) from error


def _plays(
    config: "Config", model: str | None, compare: tuple[str, str] | None, inject: str | None
) -> tuple[list[str], list["Play"], "Injection | None"]:
    """What is run over the history, each with its name."""
    from app.config import ConfigError, load
    from app.replay.injection import Injection, InjectionError
    from app.replay.play import Play

    try:
        if compare is not None:
            return list(compare), [Play(load(file=file).config, model) for file in compare], None
        if inject is None:
            return ["settings in force"], [Play(config, model)], None
        drift = Injection(inject, lambda name: config.model(name).tolerance)
    except ConfigError as error:
        raise MisconfiguredError(str(error)) from error
    except InjectionError as error:
        raise click.UsageError(str(error)) from error
    return ["without", "with the injection"], [Play(config, model), Play(config, model, drift)], drift
