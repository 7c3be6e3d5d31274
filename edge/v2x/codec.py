"""UPER encoding and decoding of every message of every set behind one small interface.

The codecs are generated from the schema (`edge.v2x.compiler`), a module per message, and loaded with its first use.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from edge.core.errors import CodecError
from edge.v2x.uper import MAX_MESSAGE_BYTES

GENERATED_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)
"""What the generated code meets in hostile bits and in values of the wrong shape; `UperError` is a ValueError."""


class MessageCodec:
    """Encodes and decodes one message type.

    Values are dicts keyed by the standard's field names; CHOICE is (name, value), ENUMERATED str, BIT STRING (octets,
    number of bits), OCTET STRING bytes. What a later edition added is kept: an unknown enumerated addition is its
    index, an unknown alternative (index, octets), unknown fields are octets by index under `"..."`.

    Args:
        name: of the message, for errors.
        module: its generated module below `edge.v2x.generated`.
        edition: standard, edition and clause.
    """

    __slots__ = ("_decode", "_encode", "_name", "edition")

    def __init__(self, name: str, *, module: str, edition: str) -> None:
        generated = importlib.import_module(f"edge.v2x.generated.{module}")
        self._decode: Callable[[bytes], Any] = generated.decode
        self._encode: Callable[[Any], bytes] = generated.encode
        self._name, self.edition = name, edition

    def encode(self, value: Any) -> bytes:
        """Value to UPER bytes. Raises `CodecError` when it breaks a constraint."""
        try:
            payload = self._encode(value)
        except GENERATED_ERRORS as error:
            raise CodecError(self._name, f"cannot be encoded: {_reason(error)}") from error
        if len(payload) > MAX_MESSAGE_BYTES:
            raise CodecError(self._name, f"{len(payload)} bytes are more than {MAX_MESSAGE_BYTES}")
        return payload

    def decode(self, payload: bytes) -> Any:
        """The whole of `payload` to a value. Raises `CodecError` when it is not exactly one such message."""
        try:
            return self._decode(payload)
        except GENERATED_ERRORS as error:
            offset = getattr(error, "offset", None)
            raise CodecError(self._name, f"does not decode: {_reason(error)}", offset=offset) from error


def messages() -> dict[str, tuple[str, str]]:
    """Generated module and edition of every message by key."""
    found: dict[str, tuple[str, str]] = importlib.import_module("edge.v2x.generated").MESSAGES
    return found


@functools.cache
def message_codec(message: str) -> MessageCodec:
    """The codec of one message, e.g. `j2735/SPAT` or `csae-a/MapData`."""
    known = messages()
    if message not in known:
        raise ValueError(f"no message is called {message!r}: {', '.join(known)}")
    module, edition = known[message]
    return MessageCodec(message.partition("/")[2], module=module, edition=edition)


def flat_decoder(message: str) -> Callable[[bytes], tuple[Any, ...]]:
    """The flat decoder of a message that has one (`report` in its `set.toml`); it raises `GENERATED_ERRORS`."""
    module, _ = messages()[message]
    found: Callable[[bytes], tuple[Any, ...]] = importlib.import_module(f"edge.v2x.generated.{module}").report
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing or unknown"
    if isinstance(error, IndexError):
        return "a value beyond its enumeration"
    return str(error)
