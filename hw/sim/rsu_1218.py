"""A simulated roadside unit with the NTCIP 1218 interface: SNMPv3 in, and what it would put on the air.

Needs the extra `snmpv3`. Rows can be made and destroyed in standby only; a payload that is written with enable 1 while
the unit operates is a message sent.
"""

from __future__ import annotations

import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pysnmp.carrier.asyncio.dgram.udp import DOMAIN_NAME, UdpTransport
from pysnmp.entity.config import add_transport, add_v3_user, add_vacm_user
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.cmdrsp import GetCommandResponder, SetCommandResponder
from pysnmp.entity.rfc3413.context import SnmpContext
from pysnmp.error import PySnmpError
from pysnmp.proto.rfc1902 import Integer32, OctetString
from pysnmp.proto.rfc1905 import NoSuchInstance
from pysnmp.smi import error as smi
from pysnmp.smi.instrum import AbstractMibInstrumController

from hw.rsu.ntcip1218_link import SnmpUser, Value
from hw.rsu.ntcip1218_pysnmp import AUTH_PROTOCOLS, PRIVACY_PROTOCOLS
from hw.rsu.ntcip1218_rows import (
    CHANNEL,
    CREATE_AND_GO,
    DESTROY,
    ENABLE,
    FIRMWARE,
    LONGEST_PAYLOAD,
    MAX_ROWS,
    OPERATE,
    OPTIONS,
    PAYLOAD,
    PRIORITY,
    PSID,
    ROOT,
    ROW,
    ROW_STATUS,
    RSU_MODE,
    SIGN_OPTION,
    STANDBY,
)

KEPT = 4_096
_ACTIVE = 1
_MODE_OTHER = 1


@dataclass(frozen=True, slots=True)
class Transmitted:
    """One message that the unit sent.

    Attributes:
        arrival_ns: UTC ns at which it was written.
        row, psid, channel, priority, signed: what the row said; psid in octets as written.
        payload: what was sent.
    """

    arrival_ns: int
    row: int
    psid: bytes
    channel: int
    priority: int
    signed: bool
    payload: bytes


class IfmTable:
    """The unit itself, without SNMP: its mode and its table.

    Attributes:
        mode: as rsuMode.
        rows: cells by column, by row.
        log: every write that was taken, in words, oldest first; the last `KEPT`.
        silent: requests still to be swallowed without an answer.
        standby_looks: looks at the mode until a unit that was told to stand by does.
        counters: sent, refused, swallowed.
    """

    def __init__(self, *, max_rows: int = 20, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.max_rows, self._now_ns = max_rows, now_ns
        self.mode, self.rows = OPERATE, dict[int, dict[int, Value]]()
        self.silent = self.standby_looks = self._looks = 0
        self.log: deque[str] = deque(maxlen=KEPT)
        self.counters: Counter[str] = Counter()
        self._sent: deque[Transmitted] = deque(maxlen=KEPT)

    def reboot(self) -> None:
        """The power came back: the rows are forgotten, and the unit operates."""
        self.rows.clear()
        self.mode = OPERATE

    def heard(self) -> tuple[Transmitted, ...]:
        """The last messages sent, oldest first."""
        return tuple(self._sent)

    def read(self, name: str) -> Value | None:
        """One object; None: no such object."""
        if name == RSU_MODE:
            return self._look_at_mode()
        scalars: dict[str, Value] = {MAX_ROWS: self.max_rows, FIRMWARE: b"simulated"}
        if name in scalars:
            return scalars[name]
        column, index = _cell(name)
        return self.rows.get(index, {}).get(column)

    def write(self, values: dict[str, Value]) -> None:
        """One SET. Raises the error of the SMI that it earns."""
        if RSU_MODE in values:
            return self._set_mode(values[RSU_MODE])
        cells = {_cell(name): value for name, value in values.items()}
        indices = {index for _column, index in cells}
        if len(indices) != 1:
            raise smi.GenError(idx=0)
        self._write_row(indices.pop(), {column: value for (column, _index), value in cells.items()})
        return None

    def _look_at_mode(self) -> int:
        if self._looks > 0:
            self._looks -= 1
            return _MODE_OTHER
        return self.mode

    def _set_mode(self, mode: Value) -> None:
        if mode not in (STANDBY, OPERATE):
            raise smi.WrongValueError(idx=0)
        self.mode, self._looks = int(mode), self.standby_looks if mode == STANDBY else 0
        self.log.append(f"mode {mode}")

    def _write_row(self, index: int, columns: dict[int, Value]) -> None:
        if not 1 <= index <= self.max_rows:
            raise smi.NoCreationError(idx=0)
        wanted = columns.get(ROW_STATUS)
        if wanted is not None:
            self._manage(index, columns, wanted=wanted)
        elif index not in self.rows:
            raise smi.InconsistentNameError(idx=0)
        else:
            self._check(columns)
            self.rows[index] |= columns
            self._transmit(index, columns)

    def _manage(self, index: int, columns: dict[int, Value], *, wanted: Value) -> None:
        if self.mode != STANDBY or (wanted == CREATE_AND_GO and index in self.rows):
            raise smi.InconsistentValueError(idx=0)
        if wanted == DESTROY:
            self.rows.pop(index, None)
            self.log.append(f"destroy {index}")
        elif wanted == CREATE_AND_GO and set(range(PSID, PAYLOAD + 1)) <= set(columns):
            self._check(columns)
            self.rows[index] = columns | {ROW_STATUS: _ACTIVE}
            self.log.append(f"create {index}")
        else:
            raise smi.WrongValueError(idx=0)

    def _check(self, columns: dict[int, Value]) -> None:
        payload = columns.get(PAYLOAD, b"")
        if not isinstance(payload, bytes) or len(payload) > LONGEST_PAYLOAD:
            raise smi.WrongLengthError(idx=0)

    def _transmit(self, index: int, columns: dict[int, Value]) -> None:
        if self.mode != OPERATE or columns.get(ENABLE) != 1 or PAYLOAD not in columns:
            return
        row: dict[int, Any] = self.rows[index]
        self.counters["sent"] += 1
        self._sent.append(
            Transmitted(
                arrival_ns=self._now_ns(),
                row=index,
                psid=row[PSID],
                channel=row[CHANNEL],
                priority=row[PRIORITY],
                signed=row[OPTIONS] == SIGN_OPTION,
                payload=row[PAYLOAD],
            )
        )


class _Instrument(AbstractMibInstrumController):  # type: ignore[misc] # the package has no types
    """Reads and writes of the SNMP engine, handed to the unit."""

    def __init__(self, unit: IfmTable) -> None:
        self._unit = unit

    def read_variables(self, *bindings: Any, **context: Any) -> list[tuple[Any, Any]]:
        """Called by the engine."""
        del context
        self._swallow()
        return [(name, _typed(self._unit.read(str(name)))) for name, _value in bindings]

    def write_variables(self, *bindings: Any, **context: Any) -> list[tuple[Any, Any]]:
        """Called by the engine."""
        del context
        self._swallow()
        try:
            self._unit.write({str(name): _plain(value) for name, value in bindings})
        except smi.SmiError:
            self._unit.counters["refused"] += 1
            raise
        return list(bindings)

    def _swallow(self) -> None:
        """The engine answers nothing to this error."""
        if self._unit.silent > 0:
            self._unit.silent -= 1
            self._unit.counters["swallowed"] += 1
            raise PySnmpError("swallowed")


class FakeRsu1218:
    """`async with FakeRsu1218(user) as radio:` answers SNMPv3 on a UDP port; port 0 takes a free one.

    Attributes:
        unit: the unit's mode, table and air.
        address: where it answers.

    Args:
        user: the one user that may read and write.
    """

    def __init__(
        self, user: SnmpUser, *, host: str = "127.0.0.1", port: int = 0, unit: IfmTable | None = None
    ) -> None:
        self._user, self.address, self.unit = user, (host, port), unit or IfmTable()
        self._engine: Any = None

    async def __aenter__(self) -> FakeRsu1218:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(self.address)
        self.address = sock.getsockname()
        engine = self._engine = SnmpEngine()
        add_transport(engine, DOMAIN_NAME, UdpTransport().open_server_mode(sock=sock))
        user = self._user
        auth, privacy = AUTH_PROTOCOLS[user.auth], PRIVACY_PROTOCOLS[user.privacy]
        add_v3_user(engine, user.name, auth, user.auth_secret, privacy, user.privacy_secret)
        subtree = tuple(int(number) for number in ROOT.split("."))
        add_vacm_user(engine, 3, user.name, "authPriv", subtree, subtree)
        context = SnmpContext(engine)
        context.unregister_context_name(b"")
        context.register_context_name(b"", _Instrument(self.unit))
        GetCommandResponder(engine, context)
        SetCommandResponder(engine, context)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._engine.close_dispatcher()


def _cell(name: str) -> tuple[int, int]:
    prefix, _, tail = name.partition(f"{ROW}.")
    parts = tail.split(".")
    if prefix or len(parts) != 2:
        raise smi.NoSuchObjectError(idx=0)
    return int(parts[0]), int(parts[1])


def _typed(value: Value | None) -> Any:
    if value is None:
        return NoSuchInstance()
    return Integer32(value) if isinstance(value, int) else OctetString(value)


def _plain(value: Any) -> Value:
    return bytes(value) if isinstance(value, OctetString) else int(value)
