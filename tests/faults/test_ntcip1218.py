"""A roadside unit that restarts or falls silent, under a broadcaster that is supervised as in the node."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from edge.core.health import HealthState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.flow.supervise import supervise
from edge.publish.radio import RadioBroadcaster
from hw.rsu.ntcip1218 import Ntcip1218Radio
from hw.rsu.ntcip1218_link import SnmpUser
from hw.rsu.ntcip1218_rows import IfmRow, Pace
from hw.rsu.ntcip1218_snmp import snmp_v3
from hw.sim.rsu_1218 import FakeRsu1218
from tests.faults.test_broker import BACKOFF, ENCODERS, OTHER_MISSED_LIMIT, OtherRadio, state
from tests.waiting import until

USER = SnmpUser("edge", "sha512", "auth secret", "aes256-blumenthal", "privacy secret")
ROWS = {
    kind: IfmRow(index, psid=0x8002, channel=183, priority=6, rsu_signs=True)
    for index, kind in enumerate(("SPAT", "MAP"), 1)
}


class Running:
    """Two broadcasters, one at the unit, one at a radio that is always well."""

    def __init__(self, fake: FakeRsu1218) -> None:
        self.board = HealthBoard(now_ns=time.time_ns)
        self.other_radio = OtherRadio()
        radio = Ntcip1218Radio(
            lambda: snmp_v3(*fake.address, user=USER, device="radio"),
            name="radio",
            rows=ROWS,
            pace=Pace(poll_s=0.05, attempts=2),
        )
        self.unit = self._broadcaster(radio, "rsu.unit")
        self.other = self._broadcaster(self.other_radio, "rsu.other")

    def _broadcaster(self, radio: Ntcip1218Radio | OtherRadio, component: str) -> RadioBroadcaster:
        states = Latest[object]()
        states.set(state())
        return RadioBroadcaster(
            radio,
            states=states,  # type: ignore[arg-type]
            encoders=ENCODERS,
            component=component,
            board=self.board,
        )

    @contextlib.asynccontextmanager
    async def tasks(self) -> AsyncIterator[None]:
        parts = {"rsu.unit": self.unit.run, "rsu.other": self.other.run}
        async with asyncio.TaskGroup() as group:
            started = [
                group.create_task(supervise(name, run, board=self.board, backoff=BACKOFF), name=name)
                for name, run in parts.items()
            ]
            yield
            for task in started:
                task.cancel()


@pytest.mark.parametrize("fault", ["restart", "silence"])
async def test_unit_is_opened_anew_nothing_late_is_sent_and_the_other_radio_keeps_its_slots(
    fault: str,
) -> None:
    async with FakeRsu1218(USER) as fake:
        running = Running(fake)
        async with running.tasks():
            await until(lambda: len(fake.unit.heard()) >= 3, timeout_s=30)
            fault_ns = time.time_ns()
            if fault == "restart":
                fake.unit.reboot()
            else:
                fake.unit.silent = 4  # the first of them are messages
            await until(lambda: running.board.state("rsu.unit") is HealthState.DOWN, timeout_s=30)
            await until(lambda: fake.unit.heard()[-1].arrival_ns > fault_ns + NS_PER_S, timeout_s=30)
    counters = running.board.counters("rsu.unit")
    assert counters["lost"] == 1
    assert counters["restarts"] >= 1
    assert "bugs" not in counters
    ages_ns = [sent.arrival_ns - int.from_bytes(sent.payload, "big") for sent in fake.unit.heard()]
    assert max(ages_ns) < NS_PER_S
    assert running.unit.slots.missed_in_a_row_max >= 1
    assert running.other.slots.missed_in_a_row_max <= OTHER_MISSED_LIMIT
