"""The command ``gnomon``.

Each command reads its arguments, calls one thing and turns the result into text and an exit code: 0 done, 1 failed or a
check found a difference, 2 wrong usage or configuration. What people read goes to stderr, data to stdout. An operator's
mistake never shows a traceback; a traceback is a fault of ours. What a command needs is imported inside it, so that
``gnomon --help`` answers at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app import __version__
from app.alert_command import alerts
from app.baseline_command import baseline
from app.command_parts import FAILED, MisconfiguredError, as_json, ask_kafka, configured, json_text, print_json
from app.replay.command import replay
from app.status_command import status
from app.traces_command import traces
from app.triggers_command import triggers

if TYPE_CHECKING:
    from app.config import Loaded
    from app.topics import Created, Difference

__all__ = ["cli"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Watch machine-learning models in production on Apache Kafka.

    Settings come from gnomon.toml, the environment (GNOMON_…) and --set; `gnomon config` shows them.
    """


@cli.group()
def dev() -> None:
    """Kafka and Redis for development, without Docker."""


@dev.command("up")
@click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="Keep the data here.")
@click.option("--kafka-port", type=click.IntRange(0, 65_535), help="Kafka's port; a free one by default.")
@click.option("--redis-port", type=click.IntRange(0, 65_535), help="Redis' port; a free one by default.")
def dev_up_command(directory: Path | None, kafka_port: int | None, redis_port: int | None) -> None:
    """Run both in the foreground; print `ready kafka=… redis=…` when they answer."""
    from app.dev.up import dev_up

    sys.exit(dev_up(directory, kafka_port, redis_port))


@cli.group()
def topics() -> None:
    """The topics at the broker."""


@topics.command("create")
@configured
@as_json
def create_topics(loaded: "Loaded", *, as_json: bool) -> None:
    """Make the topics that are missing. One that is there is left as it is."""
    from app.topics import check, create_missing

    async def create_and_check() -> tuple["Created", list["Difference"]]:
        return await create_missing(loaded.config), await check(loaded.config)

    created, differences = ask_kafka(loaded.config, create_and_check)
    if as_json:
        print_json({**created._asdict(), "differences": [each._asdict() for each in differences]})
    else:
        for word, names in (("created", created.created), ("exists", created.existed)):
            click.echo("".join(f"{word} {name}\n" for name in names), nl=False)
    for name, reason in created.failed.items():
        click.echo(f"refused {name}: {reason}", err=True)
    for difference in differences:
        if difference.topic not in created.failed:
            click.echo(f"differs {difference}", err=True)
    sys.exit(FAILED if created.failed else 0)


@topics.command("check")
@configured
@as_json
def check_topics(loaded: "Loaded", *, as_json: bool) -> None:
    """Name each difference between the topics and the configuration; exit with 1 if there is any."""
    from app.topics import check

    differences = ask_kafka(loaded.config, lambda: check(loaded.config))
    if as_json:
        print_json({"differences": [each._asdict() for each in differences]})
    else:
        click.echo("".join(f"{each}\n" for each in differences), nl=False)
    click.echo(f"{len(differences)} differences" if differences else "all topics are as they should be", err=True)
    sys.exit(FAILED if differences else 0)


@cli.command()
@click.option("--role", "roles", multiple=True, metavar="ROLE,…", help="Only these roles; all by default.")
@configured
def worker(loaded: "Loaded", *, roles: tuple[str, ...]) -> None:
    """Run the service until SIGTERM, which drains it."""
    chosen = _roles(roles)
    from app.worker import run_worker

    sys.exit(run_worker(loaded.config, chosen))


@cli.command()
@click.option("--role", required=True, type=click.Choice(["pair", "detect", "decide", "notify", "serve"]), help="One role.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured
def reset(loaded: "Loaded", *, role: str, yes: bool) -> None:
    """Have a role begin anew: it forgets where it was and writes everything that its inputs still hold a second time.

    For checkpoints that were lost or cannot be read. All workers of the role have to be stopped. Ids stay the same, so whoever
    keeps ids can tell what came twice.
    """
    from app.reset import ResetError
    from app.reset import reset as begin_anew

    if not yes:
        click.confirm(f"Forget where {role} was, and write everything a second time?", abort=True)
    try:
        done = ask_kafka(loaded.config, lambda: begin_anew(loaded.config, role))
    except ResetError as error:
        click.echo(f"reset: {error}", err=True)
        sys.exit(FAILED)
    click.echo("".join(f"{line}\n" for line in done), nl=False)


def _roles(given: tuple[str, ...]) -> tuple[str, ...]:
    """The roles that are named, each once, in their own order; all where none is."""
    from app.topology import FLOW

    named = [role.strip() for text in given for role in text.split(",")]
    unknown = sorted(set(named).difference(FLOW))
    if unknown:
        message = f"no such role: {', '.join(map(repr, unknown))}; there are {', '.join(FLOW)}"
        raise click.BadParameter(message, param_hint="--role")
    return tuple(role for role in FLOW if role in named or not named)


cli.add_command(replay)
cli.add_command(baseline)
cli.add_command(alerts)
cli.add_command(triggers)
cli.add_command(status)
cli.add_command(traces)


@cli.group()
def detectors() -> None:
    """Detectors beside the scan: River's, and your own."""


@detectors.command("check")
@click.argument("detector")
@as_json
def check_detectors(detector: str, *, as_json: bool) -> None:
    """Run the suite that every detector has to pass on one, such as 'river.drift.PageHinkley(threshold=30)'."""
    from app.domain.detection.detector_suite import check_detector

    try:
        verdicts = list(check_detector(detector))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json({"detector": detector, "rules": [each._asdict() for each in verdicts]})
    else:
        click.echo("".join(f"{'ok    ' if each.kept else 'BROKEN'}  {each.rule}: {each.seen}\n" for each in verdicts), nl=False)
    sys.exit(0 if all(each.kept for each in verdicts) else FAILED)


@cli.command()
@click.option("--once", is_flag=True, help="End by itself: 0 when the whole story was seen, 1 when it was not.")
def demo(*, once: bool) -> None:
    """Kafka, Redis, the service and real flights, with one thing going wrong: what `make demo` runs.

    It replays the flights that left New York from 9 September to 31 December 2013, 300 a second, so for about six minutes;
    then everything stays as it is. 50 seconds after the first flight departure delays arrive in seconds in place of minutes.
    Ctrl-C ends all of it.
    """
    from app.demo import demo as run_demo

    sys.exit(run_demo(once=once))


@cli.command()
@click.option("--table", is_flag=True, help="Print the table of all settings in Markdown instead.")
@configured
@as_json
def config(loaded: "Loaded", *, table: bool, as_json: bool) -> None:
    """Show every setting in force and where it came from; secrets are masked."""
    from app.config import ConfigError
    from app.config.listing import effective, markdown, toml

    if not table:
        from app.baselines import check_files

        try:
            check_files(loaded.config)
        except ConfigError as error:
            raise MisconfiguredError.of(error, as_json=as_json) from error
    if table:
        click.echo(markdown(), nl=False)
    elif as_json:
        print_json({each.name: {"value": each.value, "source": each.source} for each in effective(loaded)})
    else:
        click.echo(toml(loaded), nl=False)


@cli.command()
@click.option("--kind", type=click.Choice(["jsonschema", "asyncapi"]), default="jsonschema", show_default=True)
@click.option("--out", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write files into this folder.")
@configured
def schema(loaded: "Loaded", *, kind: str, folder: Path | None) -> None:
    """Print the schemas of all messages, or the AsyncAPI document of all topics, as JSON."""
    from app.topic_table import specs
    from schemas.documents import asyncapi, json_schemas

    if kind == "asyncapi":
        topics = loaded.config.topics
        settings = {spec.name: spec.settings for spec in specs(loaded.config)}
        document: dict[str, Any] = asyncapi(topics.prefix, topics.partitions, settings)
        files = {"asyncapi.json": document}
    else:
        document = json_schemas()
        files = {f"{name}.json": content for name, content in document.items()}
    if folder is None:
        print_json(document)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json_text(content), "utf-8")
        click.echo(folder / name)
