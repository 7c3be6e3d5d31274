"""What the aarch64 build must do like any other: run on both machines, `python check.py VECTORS.json OUT.npz`.

Imports of every run-time package, V2X messages of every kind, one inference, a camera's whole way from a picture to
road users on the ground, the fusion kernels.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

PACKAGES = (
    "aiomqtt", "av", "bitstruct.c", "cryptography.hazmat.bindings._rust", "cv2", "google.protobuf", "grpc",
    "grpc_health.v1.health", "grpc_reflection.v1alpha.reflection", "numba", "numpy", "onnxruntime",
    "prometheus_client", "pydantic", "rich", "typer",
)  # fmt: skip
STEPS = 40


def say(what: str, began: float) -> None:
    print(f"  {what:<28}{time.monotonic() - began:7.1f} s", flush=True)


def imports() -> None:
    """Every run-time package of requirements/node.lock that has a module of its own."""
    for name in PACKAGES:
        importlib.import_module(name)


def codec(vectors: dict[str, list[str]]) -> dict[str, str]:
    """Digest per message of what its octets say; encoded again they must be the same octets."""
    from edge.v2x.codec import message_codec
    from edge.v2x.jer import to_json

    digests = {}
    for message, samples in vectors.items():
        digest = hashlib.sha256()
        for text in samples:
            octets = bytes.fromhex(text)
            value = message_codec(message).decode(octets)
            if message_codec(message).encode(value) != octets:
                raise SystemExit(f"{message}: {text} does not come back as it was")
            digest.update(json.dumps(to_json(message, value, units=False), sort_keys=True).encode())
        digests[message] = digest.hexdigest()
    return digests


def inference() -> Any:
    """Output of roadside-nano for a seeded picture."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = str(ROOT / "models" / "roadside-nano" / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    picture = np.random.default_rng(1).uniform(0, 255, entry.shape).astype(np.float32)
    return session.run(None, {entry.name: picture})[0]


def perception(picture: Any) -> Any:
    """Road users of a (h, w, 3) picture: place, covariance, confidence and box, in the order of the box's left edge."""
    import numpy as np

    from edge.core.stamp import Stamp, TimeSource
    from edge.perception.ground import GroundProjection
    from edge.perception.onnx_model import OnnxModel
    from edge.perception.pipeline import CameraPipeline
    from edge.ports import Frame
    from hw.sim.camera_placement import calibration_points, load_cameras, scene_directory

    scene = scene_directory("four_arm")
    camera = load_cameras(scene / "cameras.toml")["south_west"]
    size = (camera.width, camera.height)
    projection = GroundProjection.from_points(calibration_points(camera), image_size=size)
    model = OnnxModel.load(ROOT / "models" / "roadside-nano" / "model.onnx")
    stamp = Stamp(1_700_000_000_000_000_000, TimeSource.SENSOR)
    found = CameraPipeline("cam", model, projection).process(Frame(picture, stamp, stamp.capture_ns, 0))
    if not len(found):
        raise SystemExit("nobody was found in the picture")
    covariance = found.covariance_m2.reshape(-1, 4)
    rows = [found.position_m, covariance, found.confidence[:, None], found.box_px]
    return np.concatenate(rows, axis=1)[np.argsort(found.box_px[:, 0])]


def fusion() -> Any:
    """Tracks of two cars and a walker after four seconds: time, id, state, covariance and existence."""
    import numpy as np

    from edge.fusion import SensorModel
    from edge.fusion.offline import fuse

    rng = np.random.default_rng(2)
    lines = []
    for k in range(STEPS):
        at_ns = 1_700_000_000_000_000_000 + k * 100_000_000
        places = [
            (-20.0 + k, 1.0, "car"),
            (20.0 - 0.8 * k, -3.0, "car"),
            (5.0, -8.0 + 0.12 * k, "pedestrian"),
        ]
        objects = [
            {"x": x + rng.normal(0, 0.3), "y": y + rng.normal(0, 0.3), "cov": [0.09, 0, 0.09], "class": kind}
            for x, y, kind in places
        ]
        scan = {"t_meas_ns": at_ns, "t_arrival_ns": at_ns + 50_000_000, "sensor": "cam", "kind": "camera"}
        lines.append(scan | {"objects": objects})
    rows = [
        [line["t_ns"] * 1e-9, t["id"], t["x"], t["y"], t["vx"], t["vy"], *t["cov"], t["existence"]]
        for line in fuse(lines, [SensorModel("cam", "camera")])
        for t in line["tracks"]
    ]
    return np.array(rows)


def main() -> None:
    """Do all of it and write the results."""
    print(f"  on {platform.machine()}, Python {platform.python_version()}", flush=True)
    began = time.monotonic()
    imports()
    say(f"{len(PACKAGES)} packages imported", began)
    import numpy as np

    began = time.monotonic()
    digests = codec(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    say(f"{len(digests)} V2X messages", began)
    began = time.monotonic()
    output = inference()
    say("one inference", began)
    results: dict[str, Any] = {"codec": np.array(json.dumps(digests)), "inference": output}
    began = time.monotonic()
    results["perception"] = perception(np.load(Path(sys.argv[1]).with_name("picture.npy")))
    say("a picture, kernels compiled", began)
    began = time.monotonic()
    results["fusion"] = fusion()
    say("fusion, kernels compiled", began)
    np.savez(sys.argv[2], machine=np.array(platform.machine()), **results)


if __name__ == "__main__":
    main()
