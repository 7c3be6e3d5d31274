"""Proposals of self-calibration in the state directory: written whole or not at all, bound to the points they correct.

`calibration/NAME.json` is the newest proposal, `NAME.applied.json` what the node uses instead of the site file's points
where `self_calibrate = "apply"`, `NAME.previous.json` what it used before that.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.config.site import CameraConfig
from edge.perception.car_calibration import PARAMETERS, Proposal

FOLDER = "calibration"
LARGEST_BYTES = 1_000_000


def digest_of(config: CameraConfig) -> str:
    """Changes when a camera is calibrated anew, or its source changes."""
    kept = json.dumps([config.source, config.points, config.points_wgs84, config.image_size])
    return hashlib.sha256(kept.encode()).hexdigest()[:16]


def proposal_path(state: Path, camera: str, kind: str = "") -> Path:
    """Where a proposal stands; kind is empty, `applied` or `previous`."""
    return state / FOLDER / f"{camera}{'.' * bool(kind)}{kind}.json"


def as_document(
    proposal: Proposal, config: CameraConfig, *, size: tuple[int, int], made_ns: int
) -> dict[str, Any]:
    """A proposal as it is written."""
    return {
        "camera": config.name,
        "made_ns": made_ns,
        "of": digest_of(config),
        "verdict": proposal.verdict,
        "reason": proposal.reason,
        "pose": None if proposal.pose is None else dataclasses.asdict(proposal.pose),
        "offset_s": proposal.offset_s,
        "sigma": dict(zip(PARAMETERS, proposal.sigma, strict=False)),
        "figures": {key: value if math.isfinite(value) else None for key, value in proposal.figures.items()},
        "image_size": list(size),
        "points": [list(row) for row in proposal.points],
    }


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write a file whole. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_document(path: Path, config: CameraConfig) -> dict[str, Any] | None:
    """A proposal for the camera as it is calibrated now; None where there is none that reads."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(document, dict) and document.get("of") == digest_of(config)
    return document if known and isinstance(document.get("verdict"), str) else None


def points_in(document: dict[str, Any]) -> tuple[NDArray[np.float64], tuple[int, int]] | None:
    """(k, 4) points and the size of the picture that they refer to, of an accepted proposal; None otherwise."""
    try:
        points = np.array(document["points"], dtype=np.float64)
        width, height = (int(v) for v in document["image_size"])
    except (KeyError, TypeError, ValueError):
        return None
    good = points.ndim == 2 and points.shape[1] == 4 and len(points) >= 6 and np.isfinite(points).all()
    return (points, (width, height)) if good and width > 0 and height > 0 else None


def apply_document(state: Path, config: CameraConfig, document: dict[str, Any]) -> None:
    """Let the node use a proposal from now on; what it used before is kept. Raises `OSError`."""
    applied = proposal_path(state, config.name, "applied")
    before = read_document(applied, config)
    if before is not None:
        write_document(proposal_path(state, config.name, "previous"), before)
    write_document(applied, document)
