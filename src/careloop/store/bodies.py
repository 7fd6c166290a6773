"""Bodies as they lie in the record: JSON, compressed. Once a codec is used, its number means the same for good."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
import zstandard

from careloop.fhir.elements import Resource

RAW: Final = 0
ZSTD: Final = 1
WRITTEN: Final = ZSTD
_WORTH_COMPRESSING = 300

_encoder = msgspec.json.Encoder(decimal_format="number")
_sorting = msgspec.json.Encoder(decimal_format="number", order="sorted")
_decoder = json.JSONDecoder(parse_float=Decimal)
_LEVEL = 1
Shape = TypeVar("Shape")


def pack(resource: Resource) -> tuple[int, bytes]:
    """(codec, bytes) to store."""
    return pack_bytes(_encoder.encode(resource))


def pack_bytes(body: bytes) -> tuple[int, bytes]:
    if len(body) < _WORTH_COMPRESSING:
        return RAW, body
    return WRITTEN, zstandard.ZstdCompressor(level=_LEVEL).compress(body)


def json_of(codec: int, body: bytes) -> bytes:
    """The JSON text of a stored body."""
    if codec == RAW:
        return bytes(body)
    return zstandard.ZstdDecompressor().decompress(body)


def unpack(codec: int, body: bytes) -> Resource:
    """A fresh resource each time: whoever gets it may change it."""
    resource: Resource = _decoder.decode(json_of(codec, body).decode())
    return resource


def only(codec: int, body: bytes, shape: type[Shape]) -> Shape:
    """What a shape (a msgspec.Struct) names of a body; the rest is passed over. For codes and dates: numbers would come
    as floats."""
    return msgspec.json.decode(json_of(codec, body), type=shape)


def is_same(one: Resource, other: Resource) -> bool:
    """Equal as a reader sees it: the order of keys is nothing, 1.10 and 1.1 are two things."""
    return one == other and _sorting.encode(one) == _sorting.encode(other)


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def decode(text: bytes) -> Any:
    return _decoder.decode(text.decode())
