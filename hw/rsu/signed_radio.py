"""A radio that does not sign: every message is signed here before it is handed over, or not sent at all."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from edge.core.errors import CodecError, DeviceError
from edge.ports import RadioMessage, RsuRadio, Signer


class SignedRadio:
    """`RsuRadio` around another: signs, then sends. What cannot be signed is never sent bare.

    Counters: those of the radio, and unsigned_dropped.

    Args:
        radio: sends.
        signer: signs.
        name: radio name in the site configuration.
    """

    def __init__(
        self, radio: RsuRadio, signer: Signer, *, name: str, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._radio, self._signer, self._name, self._now_ns = radio, signer, name, now_ns
        self.counters: dict[str, int] = radio.counters

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Hold the radio's link open while inside. Raises `DeviceError`."""
        return self._radio.connected()

    async def send(self, message: RadioMessage) -> None:
        """Sign and send.

        Raises:
            DeviceError: the link is lost, or the certificate is not valid now: the radio cannot be used.
        """
        try:
            payload = self._signer.sign(message.payload, kind=message.kind, now_ns=self._now_ns())
        except CodecError as error:
            self.counters["unsigned_dropped"] = self.counters.get("unsigned_dropped", 0) + 1
            raise DeviceError(self._name, f"cannot sign: {error.problem}") from error
        await self._radio.send(dataclasses.replace(message, payload=payload))
