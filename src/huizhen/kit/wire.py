"""What travels between hub and node: MessagePack with one extension, a numpy array. Nothing is ever unpickled."""

from __future__ import annotations

from typing import Any

import msgspec

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

VERSION = 1
_ARRAY = 1
_DTYPES = {"|i1", "<i2", "<i4", "<i8", "<u8", "<f4", "<f8", "|u1", "|b1"}


def _encode(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):
        kind = value.dtype.newbyteorder("<").str
        if kind not in _DTYPES:
            raise TypeError(f"an array of {value.dtype} does not travel")
        plain = np.ascontiguousarray(value.astype(kind, copy=False))
        head = msgspec.msgpack.encode((kind, value.shape))
        return msgspec.msgpack.Ext(_ARRAY, len(head).to_bytes(2, "big") + head + plain.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} does not travel")


def _decode(code: int, data: memoryview) -> Any:
    import numpy as np

    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    size = int.from_bytes(data[:2], "big")
    kind, shape = msgspec.msgpack.decode(data[2 : 2 + size], type=tuple[str, list[int]])
    if kind not in _DTYPES:
        raise ValueError(f"unknown array type {kind}")
    return np.frombuffer(data[2 + size :], dtype=kind).reshape(shape)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode)
_decoder = msgspec.msgpack.Decoder(ext_hook=_decode)


def encode(message: Any) -> bytes:
    """Mappings, lists, strings, bytes, numbers, None and arrays as bytes.

    Arrays of int8, int16, int32, int64, uint64, float32, float64, uint8 and bool keep type and shape; they come back
    read-only.
    """
    return bytes([VERSION]) + _encoder.encode(message)


def once(value: Any) -> msgspec.Raw:
    """A value that goes into many messages, as `encode` writes it there: the work is done here, once."""
    return msgspec.Raw(_encoder.encode(value))


def decode(data: bytes) -> Any:
    """The message that `encode` wrote. Raises BadInput for anything else."""
    try:
        if not data or data[0] != VERSION:
            raise ValueError("unknown version")
        return _decoder.decode(memoryview(data)[1:])
    except (ValueError, msgspec.DecodeError) as error:
        raise BadInput(
            "bad-message",
            Text(f"A message could not be read ({error}).", f"无法读取消息（{error}）。"),
            Text("Use the same version of Huizhen at hub and node.", "请在中心和节点使用同一版本。"),
        ) from error
