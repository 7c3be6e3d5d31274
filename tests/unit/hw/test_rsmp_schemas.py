"""Every message that the supervisor and the simulated site send, against the published schemas."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.core.stamp import NS_PER_S
from hw.signal import rsmp
from hw.signal.rsmp_controller import RsmpController
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection
from hw.sim.rsmp_site import RsmpSite, SiteFaults, component_of, plan_status
from tests.unit.hw.rsmp_schemas import message_check
from tests.unit.hw.rsmp_script import Script
from tests.waiting import until

LIGHTS = RsmpIntersection("rsmp", tuple(RsmpGroup(n, component=component_of(n)) for n in range(1, 13)))
T0 = 1_700_000_000 * NS_PER_S


async def conversation(faults: SiteFaults) -> list[tuple[str, rsmp.Message]]:
    """What a site and the supervisor say to each other at some instants of the plan."""
    controller = RsmpController("127.0.0.1", 0, settings=RsmpSettings(LIGHTS))
    async with controller.snapshots():
        assert controller.address is not None
        site = RsmpSite(controller.address, faults=faults, watchdog_s=0.01)
        run = asyncio.create_task(site.run())
        try:
            await until(lambda: site.subscribed.is_set() or run.done())
            for second in (0, 10, 12, 25):
                letters, times = plan_status(T0 + second * NS_PER_S)
                site.show(letters, cycle_s=second, times=times)
            site.set_state("S0011", "status", "True")
            site.set_state("S0020", "controlmode", "failure")
            site.send_history("aaaa", age_ns=60 * NS_PER_S)
            await until(lambda: run.done() or controller.counters.get("history"))
        finally:
            run.cancel()
        return list(site.log)


@pytest.mark.data
@pytest.mark.parametrize("faults", [SiteFaults(), SiteFaults(no_times=True)], ids=["whole", "no times"])
async def test_both_sides_keep_to_the_schemas(data_dir: Path, faults: SiteFaults) -> None:
    check = message_check(data_dir)
    log = await conversation(faults)
    wrong = [(way, message, found) for way, message in log if (found := check(message))]
    assert wrong == []
    said = {(way, message["type"]) for way, message in log}
    assert {("in", kind) for kind in ("Version", "Watchdog", "StatusSubscribe", "StatusRequest")} <= said
    assert {("out", kind) for kind in ("AggregatedStatus", "StatusUpdate", "StatusResponse")} <= said


@pytest.mark.data
def test_refusals_keep_to_the_schemas(data_dir: Path) -> None:
    check = message_check(data_dir)
    for versions in ({"core": "3.1.5"}, {"sxl": "1.0.15"}):
        script = Script()
        script.offer(**versions)
        assert [check(message) for message in script.said] == [[]]


@pytest.mark.data
def test_the_check_finds_what_is_wrong(data_dir: Path) -> None:
    check = message_check(data_dir)
    good = rsmp.subscribe("c", "S0001", ("stage",))
    assert check(good) == []
    assert check({**good, "mId": "7"})
    assert check(rsmp.subscribe("c", "S0001", ("colour",)))
