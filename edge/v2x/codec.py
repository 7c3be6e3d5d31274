"""UPER encoding and decoding by schema: the slow, correct path behind one small interface.

The schema texts in `schema/` are compiled on first use, once per process and message. Importing this module is cheap:
asn1tools is loaded with the first message, and errors of the library never leave this file.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Protocol

from edge.core.errors import CodecError

MAX_MESSAGE_BYTES = 2048
"""No message of these sets is longer on the air (IEEE 1609.3 WSM maximum 1400); a bound on the work per datagram."""

_SCHEMA = Path(__file__).parent / "schema"
_MODULES: dict[str, tuple[str, ...]] = {
    "j2735/BasicSafetyMessage": ("j2735_bsm",),
    "j2735/SPAT": ("j2735_spat",),
    "j2735/MapData": ("j2735_map",),
    "csae-a/BasicSafetyMessage": ("csae_bsm", "csae_position", "csae_path_a"),
    "csae-b/BasicSafetyMessage": ("csae_bsm", "csae_position", "csae_path_b"),
    "csae/SPAT": ("csae_spat",),
    "csae-a/MapData": ("csae_map", "csae_position", "csae_lists_a"),
    "csae-b/MapData": ("csae_map", "csae_position", "csae_lists_b"),
}


class MessageCodec(Protocol):
    """Encodes and decodes one message type; values are dicts keyed by the standard's field names."""

    def encode(self, value: Any) -> bytes:
        """Value to UPER bytes. Raises `CodecError` when it breaks a constraint."""
        ...

    def decode(self, payload: bytes) -> Any:
        """The whole of `payload` to a value. Raises `CodecError` when it is not exactly one such message."""
        ...


class _CompiledCodec:
    """`MessageCodec` on an asn1tools specification."""

    def __init__(self, message: str, modules: tuple[str, ...]) -> None:
        import asn1tools  # noqa: PLC0415 - loaded with the first message, not with the process
        from asn1tools.codecs.uper import Decoder  # noqa: PLC0415 - as above

        text = "\n".join((_SCHEMA / f"{module}.asn").read_text(encoding="ascii") for module in modules)
        self._message = message.partition("/")[2]
        csae = message.startswith("csae")
        self._type = asn1tools.compile_string(text, "uper").types["MessageFrame" if csae else self._message]
        self._decoder = Decoder
        # OverflowError and IndexError come from its bit arithmetic on hostile lengths, UnicodeDecodeError from names.
        self._errors = (
            asn1tools.Error,
            NotImplementedError,
            ValueError,
            OverflowError,
            IndexError,
            TypeError,
        )

    def encode(self, value: Any) -> bytes:
        try:
            self._type.check_types(value)
            self._type.check_constraints(value)
            payload = bytes(self._type.encode(value))
        except self._errors as error:
            raise CodecError(self._message, f"cannot be encoded: {error}") from error
        if len(payload) > MAX_MESSAGE_BYTES:
            raise CodecError(self._message, f"{len(payload)} bytes are more than {MAX_MESSAGE_BYTES}")
        return payload

    def decode(self, payload: bytes) -> Any:
        if len(payload) > MAX_MESSAGE_BYTES:
            raise CodecError(self._message, f"{len(payload)} bytes are more than {MAX_MESSAGE_BYTES}")
        try:
            bits = self._decoder(bytearray(payload))
            value = self._type.type.decode(bits)
            self._type.check_constraints(value)
        except self._errors as error:
            raise CodecError(self._message, f"does not decode: {error}") from error
        surplus = bits.number_of_bits // 8
        if surplus:
            raise CodecError(
                self._message, f"{surplus} bytes follow the message", offset=len(payload) - surplus
            )
        return value


@functools.cache
def message_codec(message: str) -> MessageCodec:
    """The codec of one message, e.g. `j2735/SPAT` or `csae-a/MapData`; compiled once per process."""
    if message not in _MODULES:
        raise ValueError(f"no message is called {message!r}: {', '.join(_MODULES)}")
    return _CompiledCodec(message, _MODULES[message])
