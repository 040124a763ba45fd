"""A detector's state as bytes, and back, bit for bit.

The bytes are a mark, a version, a SHA-256, and MessagePack in which arrays are extension 1: type, shape, and their bytes as
they lie in memory. Nothing in them can name code, so reading them executes nothing, whoever wrote them.

Delivery guarantees: ``decode_state(encode_state(x))`` continues exactly as ``x`` would have. Bytes that were cut, changed or
written by another version are refused by name, never half read.
"""

import hashlib
import struct
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["StateError", "decode_state", "encode_state"]

_MARK = b"gnomon-detect"
_VERSION = 7
_ARRAY = 1
#: The only element types that a state holds; the index is what is written.
_TYPES = (np.dtype("<f8"), np.dtype("<i8"), np.dtype("<u4"), np.dtype("u1"))


class StateError(ValueError):
    """A saved state cannot be read."""


def _pack(value: object) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray):
        message = f"a state holds a {type(value).__name__}: allowed are plain data and arrays"
        raise TypeError(message)
    head = struct.pack(f"<BB{value.ndim}Q", _TYPES.index(value.dtype), value.ndim, *value.shape)
    return msgspec.msgpack.Ext(_ARRAY, head + value.tobytes())


def _unpack(code: int, data: memoryview) -> NDArray[Any]:
    if code != _ARRAY:
        message = f"saved state: extension {code} is unknown, allowed is {_ARRAY}"
        raise StateError(message)
    kind, dimensions = struct.unpack_from("<BB", data)
    shape = struct.unpack_from(f"<{dimensions}Q", data, 2)
    return np.frombuffer(data, _TYPES[kind], offset=2 + 8 * dimensions).reshape(shape).copy()


_encoder = msgspec.msgpack.Encoder(enc_hook=_pack)
_decoder = msgspec.msgpack.Decoder(ext_hook=_unpack)


def encode_state(state: dict[str, Any]) -> bytes:
    """The bytes of plain data (str keys, numbers, strings, bytes, lists, dicts, None) and arrays."""
    body = _encoder.encode(state)
    return _MARK + bytes([_VERSION]) + hashlib.sha256(body).digest() + body


def decode_state(data: bytes) -> dict[str, Any]:
    """What was encoded; ``StateError`` where it cannot be trusted to be that."""
    head = len(_MARK) + 1
    if data[: len(_MARK)] != _MARK:
        message = f"saved state: begins with {data[: len(_MARK)]!r}, expected {_MARK!r}"
        raise StateError(message)
    if data[head - 1 : head] != bytes([_VERSION]):
        message = f"saved state: version {data[head - 1 : head].hex()}, expected {_VERSION:02x}"
        raise StateError(message)
    digest, body = data[head : head + 32], data[head + 32 :]
    if hashlib.sha256(body).digest() != digest:
        message = f"saved state: its SHA-256 does not fit its {len(body)} bytes; it was cut or changed"
        raise StateError(message)
    state: dict[str, Any] = _decoder.decode(body)
    return state
