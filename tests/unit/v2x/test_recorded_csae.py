"""T/CSAE frames that other people's encoders made, and what another decoder read in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec
from edge.v2x.frame import CSAE_CLPMM, OtherMessageError, split_csae_day2, wrap_csae_day2
from edge.v2x.framing import parse_hisense
from tests.unit.v2x.samples import recorded_csae

DAY1 = {
    "bsmFrame": "BasicSafetyMessage",
    "mapFrame": "MapData",
    "rsmFrame": "RoadsideSafetyMessage",
    "spatFrame": "SPAT",
    "rsiFrame": "RoadSideInformation",
}
VARIANTS = ("a", "b")


def plain(value: Any) -> Any:
    """A decoded value in the form of the records: octets in hexadecimal, choices and bit strings as objects."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, tuple) and isinstance(value[0], bytes):
        return {"bits": value[0].hex(), "n": value[1]}
    if isinstance(value, tuple):
        return {value[0]: plain(value[1])}
    return value.hex() if isinstance(value, bytes) else value


def message_of(entry: dict[str, Any]) -> bytes:
    """The MessageFrame of a record, taken out of its envelope where it has one."""
    whole = bytes.fromhex(entry["hex"])
    return parse_hisense(whole).payload if "uper" in entry else whole


def good(data_dir: Path) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Message name, record and body of the day-1 frames that the other decoder read."""
    return [
        (DAY1[frame], entry, body)
        for entry in recorded_csae(data_dir)
        for frame, body in entry.get("decoded", {}).items()
        if frame in DAY1
    ]


@pytest.mark.data
def test_day1_frames_decode_as_others_decode_them(data_dir: Path) -> None:
    found = good(data_dir)
    assert {name for name, _, _ in found} >= {"SPAT", "RoadSideInformation"}
    for name, entry, body in found:
        payload = message_of(entry)
        codec = message_codec(f"csae-a/{name}")
        value = codec.decode(payload)
        assert plain(value) == body
        assert codec.encode(value) == payload
        assert payload.hex() == entry.get("uper", entry["hex"])


@pytest.mark.data
def test_variant_b_reads_all_but_the_reference_paths(data_dir: Path) -> None:
    for name, entry, body in good(data_dir):
        codec, payload = message_codec(f"csae-b/{name}"), message_of(entry)
        if name in ("RoadSideInformation", "MapData"):
            with pytest.raises(CodecError):
                codec.decode(payload)
        else:
            assert plain(codec.decode(payload)) == body
            assert codec.encode(codec.decode(payload)) == payload


@pytest.mark.data
@pytest.mark.parametrize("variant", VARIANTS)
def test_frames_are_of_one_kind_only(data_dir: Path, variant: str) -> None:
    for right, entry, _ in good(data_dir):
        for name in DAY1.values():
            if name != right:
                with pytest.raises(CodecError):
                    message_codec(f"csae-{variant}/{name}").decode(message_of(entry))


@pytest.mark.data
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_frame_of_unknown_framing_is_refused(data_dir: Path, variant: str) -> None:
    bad = [entry for entry in recorded_csae(data_dir) if entry["type"] == "envelope/BSM-unresolved"]
    assert bad
    for entry in bad:
        for name in DAY1.values():
            with pytest.raises(CodecError):
                message_codec(f"csae-{variant}/{name}").decode(bytes.fromhex(entry["hex"]))


@pytest.mark.data
@pytest.mark.parametrize("variant", VARIANTS)
def test_truncated_and_lengthened_frames_are_refused(data_dir: Path, variant: str) -> None:
    for name, entry, _ in good(data_dir):
        codec, payload = message_codec(f"csae-{variant}/{name}"), message_of(entry)
        for length in range(len(payload)):
            with pytest.raises(CodecError):
                codec.decode(payload[:length])
        with pytest.raises(CodecError):
            codec.decode(payload + b"\x00")


def platoon(variant: str) -> bytes:
    """A CLPMM of a lorry that leads and is alone so far."""
    value = {
        "msgCnt": 24,
        "id": b"OBU-0001",
        "secMark": 51_200,
        "pid": b"platoon-000000001",
        "role": "leader",
        "status": "navigating",
    }
    return wrap_csae_day2(CSAE_CLPMM, message_codec(f"csae-{variant}/CLPMM").encode(value))


@pytest.mark.parametrize("variant", VARIANTS)
def test_day2_frame_of_a_platoon(variant: str) -> None:
    payload = platoon(variant)
    assert payload[0] == 0x80
    message_id, body = split_csae_day2(payload)
    assert message_id == CSAE_CLPMM
    value = message_codec(f"csae-{variant}/CLPMM").decode(body)
    assert (value["pid"], value["role"]) == (b"platoon-000000001", "leader")


@pytest.mark.data
def test_recorded_day1_frames_are_no_day2_frames(data_dir: Path) -> None:
    for _, entry, _ in good(data_dir):
        with pytest.raises(OtherMessageError):
            split_csae_day2(message_of(entry))
