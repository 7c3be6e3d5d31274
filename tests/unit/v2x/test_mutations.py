"""Broken frames give `CodecError` and nothing else, whoever reads them. The long form is tests/bench/fuzz_codec.py."""

from __future__ import annotations

import itertools
import random

from edge.core.errors import CodecError
from tests.unit.v2x.mutations import mutated, targets

FRAMES = 20_000
SEED = 20261123


def test_broken_frames_are_refused_and_nothing_else_happens() -> None:
    found = targets([])
    streams = [mutated(target.frames, random.Random(SEED + index)) for index, target in enumerate(found)]
    refused = 0
    for number, (target, stream) in enumerate(
        itertools.islice(itertools.cycle(zip(found, streams, strict=True)), FRAMES)
    ):
        octets = next(stream)
        try:
            target.read(octets)
        except CodecError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{target.name}, frame {number} of seed {SEED}: {octets.hex()}") from error
    assert FRAMES // 2 < refused < FRAMES
