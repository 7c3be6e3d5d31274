"""A radio that does not sign gets signed messages, or none."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

import pytest

from edge.core.errors import DeviceError
from edge.ports import RadioMessage
from hw.rsu.signed_radio import SignedRadio
from tests.unit.v2x.security.authority import NOW_NS, signer, verifier

YEAR_NS = 365 * 86_400 * 1_000_000_000


class Antenna:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self.sent: list[RadioMessage] = []

    def connected(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def send(self, message: RadioMessage) -> None:
        self.sent.append(message)


def send(antenna: Antenna, message: RadioMessage, *, now_ns: int = NOW_NS) -> None:
    radio = SignedRadio(antenna, signer(), name="radio", now_ns=lambda: now_ns)

    async def run() -> None:
        async with radio.connected():
            await radio.send(message)

    asyncio.run(run())


def test_what_goes_out_is_signed_and_holds_the_message() -> None:
    antenna = Antenna()
    send(antenna, RadioMessage(kind="SPAT", payload=b"\x00\x13\x01\x00", expires_ns=NOW_NS))
    [sent] = antenna.sent
    found = verifier().verify(sent.payload, now_ns=NOW_NS)
    assert (found.payload, found.refusal, sent.kind) == (b"\x00\x13\x01\x00", None, "SPAT")


@pytest.mark.parametrize(
    ("kind", "now_ns"), [("TIM", NOW_NS), ("SPAT", NOW_NS + YEAR_NS), ("SPAT", NOW_NS - YEAR_NS)]
)
def test_what_cannot_be_signed_is_never_sent_bare(kind: str, now_ns: int) -> None:
    """The certificate is not for it, has run out, or is not valid yet."""
    antenna = Antenna()
    with pytest.raises(DeviceError, match="cannot sign"):
        send(antenna, RadioMessage(kind=kind, payload=b"\x00\x13\x01\x00", expires_ns=now_ns), now_ns=now_ns)
    assert antenna.sent == []
    assert antenna.counters == {"unsigned_dropped": 1}
