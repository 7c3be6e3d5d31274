"""The figures of a demo run, from what the client received and the truth."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

import numpy as np

from edge.app.demo_client import RATE_HZ, DemoLog
from edge.app.demo_score import (
    MAX_RANGE_M,
    MIN_HEIGHT_PX,
    MIN_VISIBLE,
    PublishedObject,
    Scorer,
    TruthObject,
    percentile_ms,
)
from edge.core.kinds import ObjectClass
from edge.sdk import SceneUpdate
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_visibility import visibility

SCORED_RATE_HZ = 5.0
"""Instants per second that are scored; the visibility of each costs a render per camera."""
LAMPS, LAMP_COUNTS = "signals.lamps", ("agreed", "differed", "unread", "disagreements")
"""Readings of signal heads that agreed with the controller, differed for a moment, or said nothing; and events."""
LONGEST_GAP_NS = 150_000_000
"""Truth is interpolated between two world states no farther apart than this."""


def demo_figures(
    log: DemoLog, cameras: list[PinholeCamera], *, progress: Callable[[float], None] | None = None
) -> dict[str, object]:
    """The figures that `edge demo` prints; definitions in `edge.app.demo_score`."""
    seconds = max(1e-9, (log.end_ns - log.begin_ns) / 1e9)
    latency_ns = [received_ns - scene.capture_ns for received_ns, scene in log.scenes if scene.capture_ns]
    scorer = Scorer()
    pairs = list(_instants(log))
    for done, (scene, states) in enumerate(pairs):
        published = [
            PublishedObject(u.x_m, u.y_m, bool(u.cameras), bool(u.v2x_links)) for u in scene.road_users
        ]
        scorer.add(scene.published_ns, published, truth_at(scene.published_ns, states, cameras))
        if progress is not None:
            progress((done + 1) / len(pairs))
    radios = {name: c for name, c in log.counters.items() if name.startswith("rsu.")}
    return {
        "seconds": round(seconds, 1),
        "updates_per_s": round(len(log.scenes) / seconds, 2),
        "signal_updates_per_s": round(log.signal_updates / seconds, 2),
        "spat_missed_in_a_row": max((c.get("missed_in_a_row_max", 0) for c in radios.values()), default=None),
        "capture_to_client_ms": {"p50": percentile_ms(latency_ns, 50), "p99": percentile_ms(latency_ns, 99)},
        **scorer.figures(),
        "lamp_check": {word: log.counters.get(LAMPS, {}).get(word, 0) for word in LAMP_COUNTS},
        "centre_updates": log.centre_updates,
        "most_missed": dict(scorer.missed_names.most_common(5)),
    }


def _instants(log: DemoLog) -> Iterator[tuple[SceneUpdate, tuple[WorldState, WorldState]]]:
    """Scenes to score, each with the world states around its publication."""
    stamps = [state.stamp_ns for state in log.truth]
    step = max(1, round(RATE_HZ / SCORED_RATE_HZ))
    for _received_ns, scene in log.scenes[::step]:
        after = bisect_left(stamps, scene.published_ns)
        if 0 < after < len(stamps) and stamps[after] - stamps[after - 1] <= LONGEST_GAP_NS:
            yield scene, (log.truth[after - 1], log.truth[after])


def truth_at(
    at_ns: int, states: tuple[WorldState, WorldState], cameras: list[PinholeCamera]
) -> list[TruthObject]:
    """Road users at an instant between two world states, with whether they count."""
    before, after = states
    counts = np.zeros(len(before.ids), dtype=bool)
    for camera in cameras:
        seen = visibility(before, camera, at_ns=at_ns)
        counts |= (
            (seen.fraction >= MIN_VISIBLE)
            & (seen.height_px >= MIN_HEIGHT_PX)
            & (seen.distance_m <= MAX_RANGE_M)
        )
    later = {name: i for i, name in enumerate(after.ids)}
    share = (at_ns - before.stamp_ns) / max(1, after.stamp_ns - before.stamp_ns)
    found = []
    for i, name in enumerate(before.ids):
        row = before.rows[i]
        end = after.rows[later[name]] if name in later else row
        x = float(row["x"]) + share * (float(end["x"]) - float(row["x"]))
        y = float(row["y"]) + share * (float(end["y"]) - float(row["y"]))
        kind = ObjectClass(int(row["kind"])).name.lower()
        found.append(TruthObject(name, x, y, kind, bool(row["equipped"]), bool(counts[i])))
    return found
