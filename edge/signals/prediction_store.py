"""What a predictor learned, as octets that survive a restart, and back.

A versioned NumPy archive without pickled objects. What does not read as one, whole and in range, is refused whole.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError
from edge.core.signals import GroupKind, LampState
from edge.signals.prediction import GROUPS, Group, Predictor
from edge.signals.prediction_experts import LEVEL_LEAST, LEVEL_MOST, VIEWS, Mixture
from edge.signals.prediction_memory import SECONDS, SPELLS, SpellMemory

VERSION = 1
LARGEST_OCTETS = 64_000_000
"""Of the archive, unpacked; a whole memory of 64 groups has about half of it."""
_WHAT = "prediction state"
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile and NumPy raise on octets that are no archive of theirs."""
Arrays = dict[str, NDArray[Any]]
Frozen = tuple[dict[str, Any], Arrays]


def freeze(predictor: Predictor) -> Frozen:
    """What was learned, as values that do not change while the predictor goes on. Quick: arrays are shared."""
    groups, arrays = [], {}
    for number, ((kind, name), group) in enumerate(predictor.groups.items()):
        lamps = []
        for lamp, memory in group.memories.items():
            prefix = f"{number}.{lamp.value}."
            lamps.append(lamp.value)
            masks = [memory.masks(index) for index in range(memory.count)]
            arrays[prefix + "spells"] = np.array([memory.end_s, memory.length_s, memory.position_s])
            arrays[prefix + "plan"] = memory.plan
            arrays[prefix + "sizes"] = np.array([len(mask) for mask in masks])
            arrays[prefix + "masks"] = np.concatenate(masks)
            mixture = group.mixtures.get(lamp) or Mixture()
            arrays[prefix + "views"] = np.array([mixture.errors_s, mixture.weight])
            arrays[prefix + "level"] = np.array(mixture.level)
        followers = {str(lamp.value): [int(then) for then in seen] for lamp, seen in group.followers.items()}
        groups.append({"kind": kind.value, "number": name, "lamps": lamps, "followers": followers})
    clock = predictor.clock
    told = {"reported_s": clock.reported_s, "rhythm_s": clock.rhythm_s}
    return {"version": VERSION, "groups": groups, "clock": told}, arrays


def pack(frozen: Frozen) -> bytes:
    """Octets of what `freeze` gave; takes a while, and may run on another thread."""
    index, arrays = frozen
    written = np.frombuffer(json.dumps(index).encode(), np.uint8)
    target = io.BytesIO()
    np.savez_compressed(target, index=written, **arrays)  # type: ignore[arg-type]
    return target.getvalue()


def unpack(octets: bytes, predictor: Predictor) -> None:
    """Give an unused predictor what an earlier one learned. Raises `CodecError`, and leaves it as it was."""
    try:
        groups, clock = _read(octets)
    except _BROKEN as error:
        raise CodecError(_WHAT, f"{type(error).__name__}: {error}") from error
    predictor.groups.update(groups)
    predictor.clock.reported_s, predictor.clock.rhythm_s = clock


def _read(octets: bytes) -> tuple[dict[tuple[GroupKind, int], Group], tuple[float | None, float | None]]:
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST_OCTETS:
            raise CodecError(_WHAT, "it is too large")
    with np.load(io.BytesIO(octets), allow_pickle=False) as arrays:
        index = json.loads(bytes(arrays["index"]))
        if index["version"] != VERSION:
            raise CodecError(_WHAT, f"version {index['version']} is not {VERSION}")
        if len(index["groups"]) > GROUPS:
            raise CodecError(_WHAT, "it has too many groups")
        groups = {}
        for number, told in enumerate(index["groups"]):
            group = Group()
            for value in told["lamps"]:
                lamp = LampState(value)
                group.memories[lamp], group.mixtures[lamp] = _lamp(arrays, f"{number}.{lamp.value}.")
            for value, seen in told["followers"].items():
                follow = group.follow(LampState(int(value)))
                follow.extend(LampState(then) for then in seen)
            groups[(GroupKind(told["kind"]), int(told["number"]))] = group
        clock = index["clock"]
        return groups, (_cycle(clock["reported_s"]), _cycle(clock["rhythm_s"]))


def _cycle(value: Any) -> float | None:
    if value is None:
        return None
    if not 1.0 <= float(value) <= 3600.0:
        raise ValueError("a cycle length is out of range")
    return float(value)


def _lamp(arrays: Any, prefix: str) -> tuple[SpellMemory, Mixture]:
    """Memory and mixture of one lamp. Raises `ValueError` where a number is out of range."""
    spells, plan, sizes = arrays[prefix + "spells"], arrays[prefix + "plan"], arrays[prefix + "sizes"]
    masks, views, level = arrays[prefix + "masks"], arrays[prefix + "views"], float(arrays[prefix + "level"])
    count = len(plan)
    shapes = (spells.shape, sizes.shape, masks.shape, views.shape)
    if shapes != ((3, count), (count,), (int(sizes.sum()),), (2, VIEWS)) or count > SPELLS:
        raise ValueError("arrays of wrong shape")
    kinds = (spells.dtype, plan.dtype, sizes.dtype, masks.dtype, views.dtype)
    if kinds != (np.float64, np.int64, np.int64, np.uint64, np.float64):
        raise ValueError("arrays of wrong type")
    good = (
        np.isfinite(spells[:2]).all()
        and (spells[1] >= 0.0).all()
        and np.isfinite(views).all()
        and (views >= 0.0).all()
        and ((sizes >= 1) & (sizes <= SECONDS)).all()
        and LEVEL_LEAST <= level <= LEVEL_MOST
    )
    if not good:
        raise ValueError("numbers out of range")
    memory, mixture = SpellMemory(), Mixture()
    for column, mask in zip(range(count), np.split(masks, np.cumsum(sizes)[:-1]), strict=True):
        end_s, length_s, position_s = (float(value) for value in spells[:, column])
        memory.append(end_s, length_s, position_s, int(plan[column]), mask)
    mixture.errors_s, mixture.weight, mixture.level = views[0].copy(), views[1].copy(), level
    return memory, mixture
