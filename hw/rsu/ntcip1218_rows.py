"""Objects of NTCIP 1218 and the sequence that makes a roadside unit ready to forward our messages.

Source: NTCIP 1218 v01, 5.5 (immediate forward messages) and 5.17 (RSU mode); the order of steps is the one that
V2X-Hub uses with units in the field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.core.errors import CodecError, DeviceError
from hw.rsu.ntcip1218_link import SnmpLink, SnmpRefused, Value

ROOT = "1.3.6.1.4.1.1206.4.2.18"
MAX_ROWS = f"{ROOT}.4.1.0"
ROW = f"{ROOT}.4.2.1"
PSID, CHANNEL, ENABLE, ROW_STATUS, PRIORITY, OPTIONS, PAYLOAD = range(2, 9)
RSU_ID = f"{ROOT}.13.4.0"
FIRMWARE = f"{ROOT}.13.2.0"
RSU_MODE = f"{ROOT}.16.2.0"
STANDBY, OPERATE = 2, 3
MODES = {1: "other", STANDBY: "standby", OPERATE: "operate", 4: "fault"}
CREATE_AND_GO, DESTROY = 4, 6
SIGN_OPTION, BYPASS_OPTION = b"\x80", b"\x00"
PLACEHOLDER = b"\xff\xff"
LONGEST_PAYLOAD = 2302
"""Octets of rsuIFMPayload at most."""
ROWS_LIMIT = 64
"""Rows cleared at most, whatever the unit says of its table."""
GONE = frozenset({"noCreation", "noSuchName", "inconsistentName", "notWritable", "readOnly", "noAccess"})
"""What agents answer to a SET on a row that is not there."""


@dataclass(frozen=True, slots=True)
class IfmRow:
    """One row of the immediate forward table.

    Attributes:
        index: number of the row, from 1.
        psid: service identifier in the form on the wire (IEEE 1609.12 p-encoding), e.g. 0x8002.
        channel: radio channel, 183 for C-V2X.
        priority: 0-63, 63 the highest.
        rsu_signs: the unit makes the IEEE 1609.2 header; False: the payload already has one, or needs none.
    """

    index: int
    psid: int
    channel: int
    priority: int
    rsu_signs: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """Time limits of the sequence.

    Attributes:
        answer_s: for the answer to one request.
        attempts: how often a request is sent.
        poll_s: between two looks at the mode.
        polls: looks at the mode before giving up.
    """

    answer_s: float = 1.0
    attempts: int = 3
    poll_s: float = 1.0
    polls: int = 60


def cell(column: int, index: int) -> str:
    """Name of one cell of the table."""
    return f"{ROW}.{column}.{index}"


def psid_octets(psid: int) -> bytes:
    """The octets of a p-encoded service identifier (IEEE 1609.12, 5.1), e.g. 0x8002 to 80 02.

    Raises:
        CodecError: the first octet asks for another length.
    """
    octets = psid.to_bytes(max(1, (psid.bit_length() + 7) // 8), "big") if psid >= 0 else b""
    if octets and len(octets) == p_length(octets[0]):
        return octets
    raise CodecError(
        "PSID", f"{psid:#x} is not p-encoded: 0x0-0x7F, 0x8000-0xBFFF, 0xC00000-0xDFFFFF, 0xE0000000-"
    )


def p_length(first: int) -> int:
    """Octets of the p-encoded number that begins with this octet; 0: none does (IEEE 1609.12, 5.1)."""
    for length, bound in enumerate((0x80, 0xC0, 0xE0, 0xF0), 1):
        if first < bound:
            return length
    return 0


def creation(row: IfmRow) -> tuple[tuple[str, Value], ...]:
    """The PDU that makes one row, switched off and with a payload that says nothing."""
    columns: dict[int, Value] = {
        PSID: psid_octets(row.psid),
        CHANNEL: row.channel,
        ENABLE: 0,
        ROW_STATUS: CREATE_AND_GO,
        PRIORITY: row.priority,
        OPTIONS: SIGN_OPTION if row.rsu_signs else BYPASS_OPTION,
        PAYLOAD: PLACEHOLDER,
    }
    return tuple((cell(column, row.index), value) for column, value in columns.items())


class Commissioning:
    """Standby, old rows away, our rows in, operate.

    Args:
        link: the session.
        device: radio name, for errors.
        rows: by kind of message.
        shared: others forward through this unit too: leave their rows alone.
    """

    def __init__(
        self, link: SnmpLink, *, device: str, rows: Mapping[str, IfmRow], shared: bool, pace: Pace
    ) -> None:
        self._link, self._device, self._rows = link, device, rows
        self._shared, self._pace = shared, pace

    async def run(self) -> None:
        """Do it all.

        Raises:
            DeviceError: the unit refuses a step or does not come to the wanted mode.
            TimeoutError, SnmpDenied: of the link.
        """
        await self._set("standby", (RSU_MODE, STANDBY))
        await self._until_mode(STANDBY)
        for index in await self._doomed():
            await self._destroy(index)
        for kind, row in self._rows.items():
            await self._set(f"row {row.index} for {kind}", *creation(row))
        await self._set("operate", (RSU_MODE, OPERATE))
        await self._until_mode(OPERATE)

    async def _doomed(self) -> Iterable[int]:
        ours = sorted(row.index for row in self._rows.values())
        told = await self._get(MAX_ROWS)
        if isinstance(told, int) and told < ours[-1]:
            remedy = "lower first_row or free rows of the unit"
            raise DeviceError(self._device, f"it has {told} rows, {ours[-1]} are needed", remedy=remedy)
        if self._shared or not isinstance(told, int):
            return ours
        return range(1, min(told, ROWS_LIMIT) + 1)

    async def _destroy(self, index: int) -> None:
        """A row that is not there is destroyed; some agents call that an error."""
        try:
            await self._attempt((cell(ROW_STATUS, index), DESTROY))
        except SnmpRefused as refused:
            if refused.status not in GONE and refused.status != "inconsistentValue":
                raise self._refused(f"destroying row {index}", refused) from refused

    async def _set(self, step: str, *values: tuple[str, Value]) -> None:
        try:
            await self._attempt(*values)
        except SnmpRefused as refused:
            raise self._refused(step, refused) from refused

    async def _attempt(self, *values: tuple[str, Value]) -> None:
        for attempt in range(self._pace.attempts):
            try:
                return await self._link.set(*values, timeout_s=self._pace.answer_s)
            except TimeoutError:
                if attempt + 1 == self._pace.attempts:
                    raise
        return None

    async def _get(self, name: str) -> Value | None:
        for attempt in range(self._pace.attempts):
            try:
                return await self._link.get(name, timeout_s=self._pace.answer_s)
            except TimeoutError:
                if attempt + 1 == self._pace.attempts:
                    raise
        return None

    async def _until_mode(self, wanted: int) -> None:
        found: Value | None = None
        for look in range(self._pace.polls):
            if look:
                await asyncio.sleep(self._pace.poll_s)
            found = await self._get(RSU_MODE)
            if found == wanted:
                return
        raise DeviceError(self._device, f"it stays in mode {mode_name(found)}, wanted {MODES[wanted]}")

    def _refused(self, step: str, refused: SnmpRefused) -> DeviceError:
        remedy = "give the SNMP user write access to rsuMode and rsuIFMStatusTable"
        return DeviceError(self._device, f"refuses {step}: {refused}", remedy=remedy)


def mode_name(value: Value | None) -> str:
    """The word for an RSU mode."""
    return MODES.get(value, str(value)) if isinstance(value, int) else repr(value)
