"""What check.py is given on both machines: `python vectors.py OUT.json`.

Octets of seeded values of every V2X message, and beside them a rendered picture (picture.npy).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - the checkout is on the path now

from edge.v2x.codec import message_codec, messages  # noqa: E402
from hw.sim.camera import read_geometry  # noqa: E402
from hw.sim.camera_placement import load_cameras, scene_directory  # noqa: E402
from hw.sim.lockstep import open_world  # noqa: E402
from hw.sim.render import Renderer  # noqa: E402
from tests.unit.v2x.values import random_value  # noqa: E402

SAMPLES = 3


def main() -> None:
    """Write them."""
    found = {
        message: [message_codec(message).encode(random_value(message, seed)).hex() for seed in range(SAMPLES)]
        for message in sorted(messages())
    }
    out = Path(sys.argv[1])
    out.write_text(json.dumps(found), encoding="utf-8")
    np.save(out.with_name("picture.npy"), picture())


def picture() -> np.ndarray:
    """A busy moment of the demo's crossing."""
    scene = scene_directory("four_arm")
    world = open_world("four_arm", source="recorded", rate_hz=1.0)
    state = [world.step() for _ in range(20)][-1]
    camera = load_cameras(scene / "cameras.toml")["south_west"]
    return Renderer(camera, read_geometry(scene), seed=1).render(state, at_ns=state.stamp_ns)


if __name__ == "__main__":
    main()
