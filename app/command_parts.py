"""What the commands share: settings as options, a question to the broker, JSON, and how each of them fails."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from app.actions import Sent
    from app.config import Config, ConfigError
    from schemas.action import ActionName

__all__ = ["FAILED", "as_json", "ask_kafka", "configured", "json_text", "print_json", "signed", "write_action"]

Result = TypeVar("Result")

FAILED = 1


class MisconfiguredError(click.ClickException):
    """The configuration cannot be used."""

    exit_code = 2

    @classmethod
    def of(cls, error: "ConfigError", *, as_json: bool) -> "MisconfiguredError":
        """The command's failure; its faults are printed as data where that was asked for."""
        if as_json:
            print_json({"faults": [fault._asdict() for fault in error.faults]})
        return cls(str(error))


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name settings, and its first argument: the configuration that results."""

    @click.option("--config", "file", metavar="FILE", help="Read this file in place of gnomon.toml.")
    @click.option("--set", "flags", multiple=True, metavar="NAME=VALUE", help="One setting, such as pairing.window_ms=5000.")
    @functools.wraps(command)
    def with_configuration(file: str | None, flags: tuple[str, ...], **arguments: Any) -> None:
        from app.config import ConfigError, load

        try:
            loaded = load(flags=flags, file=file)
        except ConfigError as error:
            raise MisconfiguredError.of(error, as_json=bool(arguments.get("as_json"))) from error
        command(loaded, **arguments)

    return with_configuration


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _said(_: click.Context, option: click.Parameter, text: str) -> str:
    most = 256 if option.name == "by" else 1_000
    if not 1 <= len(text) <= most:
        message = f"it has {len(text)} characters: allowed are 1 to {most:,}"
        raise click.BadParameter(message, param=option)
    return text


def signed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say who decides, and why."""
    command = click.option("--why", required=True, callback=_said, help="For whom reads it later.")(command)
    return click.option("--by", required=True, callback=_said, help="Who decides.")(command)


def ask_kafka(config: "Config", ask: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """What the broker answers; a command's failure, with a hint, where it does not."""
    from aiokafka.errors import KafkaError

    from app.config import ConfigError
    from app.kafka import unreachable
    from app.logs import set_up_logs

    set_up_logs(config.log)
    click.echo(f"asking {config.kafka.bootstrap_servers} …", err=True)
    try:
        return asyncio.run(ask())
    except ConfigError as error:  # a certificate that cannot be loaded
        raise MisconfiguredError(str(error)) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise click.ClickException(unreachable(config.kafka, error)) from error


def write_action(config: "Config", action: "ActionName", subject: str, by: str, why: str, *, as_json: bool, **about: Any) -> None:
    """Write what somebody decided to the topic ``actions``, and print its id.

    Raises ``NoTopicError`` where there is no such topic. ``about``: the further fields of ``schemas.action.Action``.
    """
    from app.actions import ActionWriter, new_action

    event = new_action(action, subject, by, why, **about)

    async def write() -> "Sent":
        writer = ActionWriter(config)
        try:
            return await writer.write(event)
        finally:
            await writer.close()

    sent = ask_kafka(config, write)
    if as_json:
        print_json({"id": event.id, **sent._asdict()})
    else:
        click.echo(event.id)
    click.echo(f"written to {sent.topic}-{sent.partition}@{sent.offset}; what is refused goes to dead.letters", err=True)


def print_json(document: Any) -> None:
    """To stdout, as data."""
    click.echo(json_text(document), nl=False)


def json_text(document: Any) -> str:
    """Indented, with a newline at its end."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
