"""The commands ``gnomon alerts …``: what on-call was told and why, and what people say to it."""

import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click

from app.command_parts import FAILED, as_json, ask_kafka, configured, print_json, signed, write_action

if TYPE_CHECKING:
    from app.config import Config, Loaded
    from app.replay.explaining import Step
    from app.replay.history import Reader
    from schemas.action import ActionName

__all__ = ["alerts", "line_of"]


@click.group()
def alerts() -> None:
    """What on-call was told, and why."""


@alerts.command("list")
@click.option("--model", metavar="NAME", help="Only this model's.")
@click.option("--all", "every", is_flag=True, help="The resolved ones too.")
@configured
@as_json
def list_(loaded: "Loaded", *, model: str | None, every: bool, as_json: bool) -> None:
    """The alerts that fire, the newest last; of each fingerprint what was told last."""
    from app.replay.alerts_read import AlertsRead

    read = AlertsRead(model)
    _read(loaded.config, read)
    for count, what in ((read.unreadable, "records are no alerts"), (read.dropped, "older alerts are left out")):
        if count:
            click.echo(f"{count:,} {what}", err=True)
    found = [alert for alert in read.latest.values() if every or alert["status"] == "firing"]
    found.sort(key=lambda alert: alert["startsAt"])
    if as_json:
        print_json(found)
        return
    for alert in found:
        labels, ends = alert["labels"], f" to {alert['endsAt']}" if "endsAt" in alert else ""
        click.echo(f"{alert['fingerprint']}  {alert['status']}  {labels['severity']}  {alert['startsAt']}{ends}")
        click.echo(f"    {labels['alertname']}: {alert['annotations']['summary']}")


@alerts.command()
@click.argument("fingerprint")
@configured
@as_json
def show(loaded: "Loaded", *, fingerprint: str, as_json: bool) -> None:
    """One alert as it was told last: its labels, its words, what it rests on."""
    from app.replay.alerts_read import AlertsRead

    read = AlertsRead()
    _read(loaded.config, read)
    alert = read.latest.get(fingerprint)
    if alert is None:
        _fail(f"there is no alert {fingerprint} on the topic; `gnomon alerts list --all` has those that are")
    if as_json:
        print_json(alert)
        return
    for part in ("labels", "annotations"):
        for name, value in alert[part].items():
            click.echo(f"{name}: {value}")
    for name in ("status", "startsAt", "endsAt"):
        if name in alert:
            click.echo(f"{name}: {alert[name]}")
    for one in alert["evidence"].get("contributors", []):
        click.echo(f"together with: {one['signal']} since {one['since']}, effect {one['size']:.2f}")


@alerts.command()
@click.argument("fingerprint")
@configured
@as_json
def explain(loaded: "Loaded", *, fingerprint: str, as_json: bool) -> None:
    """Each decision on one alert with its reason, from the statistics in the log; those that were told to nobody too."""
    from app.replay.explaining import Explaining

    explaining = Explaining(loaded.config, fingerprint)
    _read(loaded.config, explaining)
    if not explaining.steps:
        _fail(f"nothing in the log of drift.statistics speaks of an alert {fingerprint}; is it a fingerprint of 16 digits?")
    if as_json:
        print_json({"labels": explaining.labels, "steps": [step._asdict() for step in explaining.steps]})
        return
    click.echo(", ".join(f"{name}={value}" for name, value in explaining.labels.items()))
    for step in explaining.steps:
        click.echo(line_of(step))


@alerts.command()
@click.argument("fingerprint")
@signed
@configured
@as_json
def ack(loaded: "Loaded", *, fingerprint: str, by: str, why: str, as_json: bool) -> None:
    """Say that you have seen an alert; who and why is told with its resolve."""
    labels = _firing(loaded.config, fingerprint)["labels"]
    _act(loaded.config, "acknowledge", labels.get("model") or labels["topic"], by, why, as_json=as_json, fingerprint=fingerprint)


@alerts.command()
@click.argument("subject", metavar="MODEL|TOPIC")
@click.option("--for", "minutes", type=click.IntRange(1, 60 * 24 * 90), required=True, metavar="MINUTES", help="How long.")
@click.option(
    "--match",
    "matchers",
    multiple=True,
    metavar="LABEL=VALUE",
    help="Only alerts with this label, or all of several; by default all.",
)
@signed
@configured
@as_json
def silence(loaded: "Loaded", *, subject: str, minutes: int, matchers: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Hold back what would be told anew of a model, or of an input topic; what fires already goes on."""
    until = int(time.time() * 1000) + minutes * 60_000
    _act(loaded.config, "silence", subject, by, why, as_json=as_json, matchers=_labels(subject, matchers), until=until)


@alerts.command()
@click.argument("subject", metavar="MODEL|TOPIC")
@click.option("--match", "matchers", multiple=True, metavar="LABEL=VALUE", help="The very labels that the silence was given.")
@signed
@configured
@as_json
def unsilence(loaded: "Loaded", *, subject: str, matchers: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Take a silence back; what still holds is told."""
    _act(loaded.config, "unsilence", subject, by, why, as_json=as_json, matchers=_labels(subject, matchers))


def _labels(subject: str, matchers: tuple[str, ...]) -> dict[str, str]:
    """The labels that were asked for; without any, all alerts of the model or the input topic."""
    from app.actions import all_alerts_of

    if not matchers:
        return all_alerts_of(subject)
    labels = {}
    for text in matchers:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            message = f"--match {text!r}: expected LABEL=VALUE, such as signal=feature/income"
            raise click.UsageError(message)
        labels[name] = value
    return labels


def _firing(config: "Config", fingerprint: str) -> dict[str, Any]:
    from app.replay.alerts_read import AlertsRead

    read = AlertsRead()
    _read(config, read)
    alert = read.latest.get(fingerprint)
    if alert is None or alert["status"] != "firing":
        _fail(f"no alert {fingerprint} fires; `gnomon alerts list` has those that do")
    return alert


def _act(config: "Config", action: "ActionName", subject: str, by: str, why: str, *, as_json: bool, **about: Any) -> None:
    from app.actions import NoTopicError

    try:
        write_action(config, action, subject, by, why, as_json=as_json, **about)
    except NoTopicError as error:
        _fail(str(error))


def line_of(step: "Step") -> str:
    """A decision as ``explain`` prints it."""
    held = f", held back: {step.held}{f' by {step.by}' if step.by else ''}" if step.held else ""
    times = f" ({step.times:,} times)" if step.times > 1 else ""
    return f"{step.at}  {step.phase:<9} {step.reason}{held}{times}{f'  → told: {step.told}' if step.told else ''}"


def _read(config: "Config", reader: "Reader") -> None:
    from app.replay.history import HistoryError, Stretch, replayed

    async def read() -> None:
        await replayed(config, Stretch(), [reader])

    try:
        ask_kafka(config, read)
    except HistoryError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(f"alerts: {message}", err=True)
    sys.exit(FAILED)
