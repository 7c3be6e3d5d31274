"""A whole node whose antenna is carried off and whose board gets hot: a subscriber hears of it within two seconds."""

from __future__ import annotations

from pathlib import Path

from hw.sim.gpsd import FakeGpsd
from tests.board_tree import BoardTree
from tests.faults.rig import START_TIMEOUT_S, followed, surroundings

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
