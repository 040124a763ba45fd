"""The AsyncAPI 3 document: every topic, who writes and who reads it, what its records hold.

Payloads are JSON Schema in the words that draft-07 and 2020-12 share, since AsyncAPI's own schema format is a superset of
the former. Each input topic offers two messages: the payload as the value (plain, or with ``ce_`` headers), and the
structured CloudEvent. Settings of topics are known to ``app``; they come in as an argument.
"""

from collections.abc import Mapping
from typing import Any

from schemas.catalogue import MESSAGES, Message
from schemas.examples import EXAMPLES
from schemas.headers import BinaryHeaders, DeadLetterHeaders, PairHeaders, StructuredHeaders
from schemas.json_schema import Schema, components, described

__all__ = ["asyncapi"]

_BINDING = "0.5.0"
_SCHEMAS = "#/components/schemas/"
_INFO = {
    "title": "gnomon",
    "version": "1.0.0",
    "description": "Predictions and outcomes in; pairs, drift statistics, alerts, retrain triggers and dead letters out. "
    "Times are milliseconds since the epoch (alerts: RFC 3339). Adding an optional field is free, anything else is a new "
    "version of the message.",
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
}


def asyncapi(prefix: str, partitions: int, settings: Mapping[str, Mapping[str, str]] | None = None) -> Schema:
    """The document for a deployment: ``prefix`` stands before every topic, and every topic has ``partitions``.

    ``settings`` has, by topic without prefix, the broker's settings as the broker takes them: names and text.
    """
    channels: Schema = {}
    operations: Schema = {}
    for message in MESSAGES:
        for topic in message.topics:
            name = _camel(topic)
            channels[name] = _channel(message, prefix + topic, partitions, (settings or {}).get(topic, {}))
            operations[("receive" if message.is_input else "send") + name[0].upper() + name[1:]] = _operation(
                message, name, prefix
            )
    return {
        "asyncapi": "3.0.0",
        "id": "urn:gnomon:v1",
        "info": _INFO,
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _camel(name: str) -> str:
    first, *rest = name.replace("-", ".").split(".")
    return first + "".join(word.capitalize() for word in rest)


def _names(message: Message) -> list[str]:
    """The names of the AsyncAPI messages that one row of the catalogue stands for."""
    name = _camel(message.name)
    return [name, f"{name}Event"] if message.is_input else [name]


def _channel(message: Message, address: str, partitions: int, settings: Mapping[str, str]) -> Schema:
    configuration: Schema = {name: _setting(text) for name, text in settings.items()}
    policy = settings.get("cleanup.policy", "compact" if message.compacted else None)
    if policy is not None:
        configuration["cleanup.policy"] = policy.split(",")
    binding: Schema = {"topic": address, "partitions": partitions, "bindingVersion": _BINDING}
    if configuration:
        binding["topicConfiguration"] = configuration
    return {
        "address": address,
        "description": f"Key: {message.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(message)},
        "bindings": {"kafka": binding},
    }


def _setting(text: str) -> str | int:
    return int(text) if text.removeprefix("-").isdecimal() else text


def _operation(message: Message, channel: str, prefix: str) -> Schema:
    operation: Schema = {
        "action": "receive" if message.is_input else "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in _names(message)],
    }
    verb = "Read" if message.is_input else "Written"
    operation["summary"] = f"{verb} by {' and '.join(message.roles)}." if message.roles else f"{verb} by no role yet."
    if message.roles and message.is_input:
        group = {"type": "string", "enum": [f"{prefix}gnomon-{role}" for role in message.roles]}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _BINDING}}
    return operation


def _messages() -> Schema:
    messages: Schema = {}
    for message in MESSAGES:
        plain = _camel(message.name)
        if message.is_input:
            messages[plain] = _message(message, plain, _ref(message), {"type": "object"})
            messages[f"{plain}Event"] = _message(message, f"{plain}Event", _event(message), _headers("StructuredHeaders"))
        elif message.form == "binary":
            messages[plain] = _message(message, plain, _ref(message), _headers(_binary(message), message.event))
        elif message.form == "structured":
            messages[plain] = _message(message, plain, _event(message), _headers("StructuredHeaders"))
        else:
            source = {"description": "The value of the source record, byte for byte."}
            messages[plain] = _message(message, plain, source, _headers("DeadLetterHeaders", message.event))
    return messages


def _message(message: Message, name: str, payload: Schema, headers: Schema) -> Schema:
    structured = "data" in payload.get("properties", {})
    whole: Schema = {
        "name": name,
        "title": message.title,
        "summary": message.summary,
        "contentType": _content_type(message, structured=structured),
        "headers": headers,
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": message.key}, "bindingVersion": _BINDING}},
    }
    if message.correlation is not None:
        location = message.correlation
        if structured and message.is_input:
            location = location.replace("#/", "#/data/")
        whole["correlationId"] = {"location": location}
    whole["examples"] = [_example(message, example, structured=structured) for example in EXAMPLES[message.name]]
    return whole


def _example(message: Message, example: Schema, *, structured: bool) -> Schema:
    if message.form == "source":
        return {"headers": example}
    if not structured:
        return {"payload": example}
    source = "/your/service" if message.is_input else f"/gnomon/{(*message.roles, 'gnomon')[0]}"
    event = {"specversion": "1.0", "id": "example-1", "source": source, "type": message.event or f"com.example.{message.name}"}
    return {"payload": {**event, "datacontenttype": "application/json", "data": example}}


def _content_type(message: Message, *, structured: bool) -> str:
    if message.form == "source":
        return "application/octet-stream"
    return "application/cloudevents+json" if structured else "application/json"


def _ref(message: Message) -> Schema:
    return {"$ref": _SCHEMAS + message.type.__name__}


def _binary(message: Message) -> str:
    return "PairHeaders" if message.name == "pair" else "BinaryHeaders"


def _headers(type_name: str, event: str | None = None) -> Schema:
    headers: Schema = {"$ref": _SCHEMAS + type_name}
    if event is None:
        return headers
    return {"allOf": [headers, {"type": "object", "properties": {"ce_type": {"type": "string", "const": event}}}]}


def _event(message: Message) -> Schema:
    """A CloudEvent in structured mode with the payload inside."""
    text = {"type": "string", "minLength": 1}
    properties: Schema = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": text,
        "source": text,
        "type": text if message.event is None else {"type": "string", "const": message.event},
        "time": {"type": "string", "format": "date-time"},
        "subject": text,
        "correlationid": {"type": "string", "description": "The request id, where the payload has none."}
        if message.is_input
        else text,
        "causationid": text,
        "datacontenttype": {"type": "string"},
        "data": _ref(message),
    }
    return {"type": "object", "properties": properties, "required": ["specversion", "id", "source", "type", "data"]}


def _schemas() -> Schema:
    types: list[Any] = [described(message.type) for message in MESSAGES]
    types += [BinaryHeaders, PairHeaders, StructuredHeaders, DeadLetterHeaders]
    return components(_SCHEMAS + "{name}", types)
