"""A whole node: moved antenna, heat, a clock that is set, a full disk; a subscriber hears of each within 2 s."""

from __future__ import annotations

from pathlib import Path

from hw.sim.gpsd import FakeGpsd
from tests.board_tree import BoardTree
from tests.faults.rig import START_TIMEOUT_S, followed, surroundings
from tests.faults.set_box import set_box

HOME = (39.9042, 116.4074)


async def test_moved_antenna_and_heat_reach_a_subscriber_and_the_lights_go_on(
    tmp_path: Path, kernels: Path
) -> None:
    tree = BoardTree(tmp_path / "root")
    tree.zone(0, 55_000)
    async with (
        FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1]) as gpsd,
        surroundings(tmp_path, cameras=False, broker=False, state=kernels) as rig,
        followed(rig),
    ):
        sections = (
            f'[gnss]\ngpsd = "127.0.0.1:{gpsd.port}"\nantenna = [{HOME[0]}, {HOME[1]}]',
            f'[board]\nroot = "{tree.root}"',
        )
        rig.site.write_text("\n".join((rig.site.read_text(), *sections, "")))
        await rig.start_node()
        await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
        await rig.until(
            lambda: rig.state("gnss") == rig.state("board.heat") == "ok", timeout_s=10, what="health"
        )
        gpsd.move(north_m=100)
        await rig.until(lambda: rig.state("gnss") == "down", timeout_s=2, what="the alarm of the antenna")
        assert "100 m from where it was surveyed" in rig.message("gnss")
        tree.zone(0, 95_000)
        await rig.until(lambda: rig.state("board.heat") == "down", timeout_s=2, what="the alarm of the heat")
        assert "too hot, about to switch off" in rig.message("board.heat")
        assert {event.kind for event in rig.events.values()} >= {"gnss_moved", "too_hot"}
        assert rig.shows_signals()
        assert rig.state("clock") in {"ok", "degraded"}  # as this machine's; the site does not need it


async def test_set_clock_and_full_disk_of_a_whole_node(tmp_path: Path, kernels: Path) -> None:
    box = tmp_path / "box"
    set_box(box)
    async with (
        surroundings(tmp_path, cameras=False, broker=False, state=kernels) as rig,
        followed(rig),
    ):
        text = rig.site.read_text().replace(
            "require_synchronised_clock = false", "require_synchronised_clock = true"
        )
        rig.site.write_text(f'{text}\n[clock]\nsource = "kernel"\n')
        await rig.start_node("-m", "tests.faults.set_box", str(box))
        await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
        await rig.until(
            lambda: rig.state("clock") == rig.state("board.disk") == "ok", timeout_s=10, what="health"
        )
        for clock_s, words in ((3.0, "+3.000 s"), (0.0, "-3.000 s")):
            before = len(rig.spats(since_ns=0))
            set_box(box, clock_s=clock_s, vouched=False)
            rig.clock_ahead_s = clock_s  # for who keeps the right time, its lights are of the future
            await rig.until(
                lambda: not rig.shows_signals() and rig.state("clock") == "down",
                timeout_s=2,
                what="withdrawal",
            )
            assert f"unsynchronised: the clock was set by {words}" in rig.message("clock")
            await rig.until(
                lambda before=before: len(rig.spats(since_ns=0)) >= before + 5,
                timeout_s=2,
                what="SPATs at 10 Hz",
            )
            set_box(box, clock_s=clock_s)
            await rig.until(
                lambda: rig.shows_signals() and rig.state("clock") == "ok", timeout_s=5, what="the way back"
            )
        set_box(box, free_percent=1.0)
        await rig.until(lambda: rig.state("board.disk") == "down", timeout_s=2, what="the full disk")
        assert "1.0 % free" in rig.message("board.disk")
        assert rig.shows_signals()
