"""What was learned, through its file: whole, or refused whole."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.signals.prediction import Predictor
from edge.signals.prediction_store import freeze, pack, unpack
from tests.unit.signals.test_prediction import CYCLE_S, KEY, ns, run_cycles

STARTS = [5.0, 25.0, 12.0, 30.0, 8.0, 21.0, 17.0, 28.0, 10.0, 25.0, 19.0, 6.0, 29.0]


@pytest.fixture(scope="module")
def learned() -> Predictor:
    predictor = Predictor()
    run_cycles(predictor, STARTS, until=80.0)
    return predictor


@pytest.fixture(scope="module")
def octets(learned: Predictor) -> bytes:
    return pack(freeze(learned))


def test_a_restarted_predictor_knows_what_the_earlier_one_knew(octets: bytes) -> None:
    earlier, later = Predictor(), Predictor()
    run_cycles(earlier, STARTS, until=80.0)
    unpack(octets, later)
    offset = (len(STARTS) + 5) * CYCLE_S
    for predictor in (earlier, later):
        for second in range(CYCLE_S):
            lamp_shown = run_one(predictor, offset + second, second)
            assert lamp_shown
            if second == 50:
                break
    before, after = (p.predict(KEY, now_ns=ns(offset + 50)) for p in (earlier, later))
    assert before is not None
    assert before == after
    assert after is not None
    assert abs(after.likely_end_ns - ns(offset + 60)) < NS_TOLERANCE


NS_TOLERANCE = 500_000_000


def run_one(predictor: Predictor, at: float, second: float) -> bool:
    from tests.unit.signals.test_prediction import group, lamp_at

    predictor.observe((group(KEY, lamp_at(second, 20.0, 60.0)),), now_ns=ns(at), position_s=second)
    return True


@given(cut=st.integers(0, 3000))
@settings(max_examples=40)
def test_a_torn_file_is_refused(octets: bytes, cut: int) -> None:
    predictor = Predictor()
    with pytest.raises(CodecError):
        unpack(octets[: min(cut, len(octets) - 1)], predictor)
    assert not predictor.groups


@given(place=st.integers(0, 100_000), value=st.integers(0, 255))
@settings(max_examples=60)
def test_a_changed_octet_is_refused_or_harmless(octets: bytes, place: int, value: int) -> None:
    changed = bytearray(octets)
    changed[place % len(octets)] = value
    predictor = Predictor()
    try:
        unpack(bytes(changed), predictor)
    except CodecError:
        assert not predictor.groups
        return
    run_one(predictor, 10_000.0, 30.0)
    predictor.predict(KEY, now_ns=ns(10_001.0))


def _rewritten(octets: bytes, **changes: np.ndarray) -> bytes:
    with np.load(io.BytesIO(octets)) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    target = io.BytesIO()
    np.savez(target, **(kept | changes))
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("spells", lambda a: a * np.nan, id="not finite"),
        pytest.param("spells", lambda a: -a, id="negative lengths"),
        pytest.param("sizes", lambda a: a + 1, id="sizes of other arrays"),
        pytest.param("views", lambda a: a[:, :3], id="another number of views"),
        pytest.param("level", lambda a: a + 1.0, id="level out of range"),
        pytest.param("plan", lambda a: a.astype(np.float32), id="another type"),
    ],
)
def test_numbers_out_of_range_are_refused(octets: bytes, name: str, change: object) -> None:
    with np.load(io.BytesIO(octets)) as arrays:
        full = next(found for found in arrays.files if found.endswith(f".{name}"))
        wrong = change(arrays[full])  # type: ignore[operator]
    predictor = Predictor()
    with pytest.raises(CodecError):
        unpack(_rewritten(octets, **{full: wrong}), predictor)
    assert not predictor.groups


def test_another_version_is_refused(octets: bytes) -> None:
    index = np.frombuffer(b'{"version": 99, "groups": [], "clock": {}}', np.uint8)
    with pytest.raises(CodecError, match="version 99"):
        unpack(_rewritten(octets, index=index), Predictor())
