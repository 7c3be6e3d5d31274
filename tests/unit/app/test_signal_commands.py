"""`edge signal decode`: recorded frames in, JSON out, errors as data."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.app import commands
from edge.app.signal_decoders import DECODERS
from edge.core.signals import GroupState, MovementState
from edge.v2x import j2735
from edge.v2x.framing import build_immediate_forward, immediate_forward
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType, encode_frame
from hw.signal.tscbm import TscbmBlock, TscbmMasks, TscbmMessage, encode_tscbm
from hw.sim.gb20999_device import Gb20999Device
from hw.snmp import ber
from hw.snmp.message import GET, RESPONSE, Message, VarBind, encode_message
from tests.unit.v2x.samples import NOW_NS, signal_state

QUERY = "7e0013010005000000000001100101040603040128947d"
REPLY = "7e001501000500000000000220010106060304010005acdd7d"
TENTH_NS = 100_000_000
UUID = "00000000-0000-4000-8000-000000000001"


class Shell:
    """Runs the command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = monkeypatch, capsys
        self.status = 0
        self.errors = ""

    def decode(self, protocol: str, source: object, *, given: bytes = b"") -> list[Any]:
        """The objects that it prints."""
        self._patch.setattr(sys, "argv", ["edge", "signal", "decode", "--protocol", protocol, str(source)])
        self._patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
        self.status = commands.run()
        printed = self._capture.readouterr()
        self.errors = printed.err
        return [json.loads(line) for line in printed.out.splitlines()]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.mark.parametrize(
    "written",
    [REPLY, REPLY.upper(), f"0x{REPLY}", bytes.fromhex(REPLY).hex(" "), bytes.fromhex(REPLY).hex(":")],
)
def test_hexadecimal_in_every_usual_dress(shell: Shell, written: str) -> None:
    (shown,) = shell.decode("gb20999", written)
    assert shell.status == 0
    assert shown["protocol"] == "gb20999"
    assert shown["frame"]["type"] == "QUERY_REPLY"
    assert shown["frame"]["values"][0]["value"] == 5
    assert shown["stages"] == {"1": {"state": None, "elapsed_s": None, "remaining_s": 5}}


def test_lines_of_a_file_are_frames_and_the_bad_ones_are_data(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "frames.txt"
    file.write_text(f"# question and answer\n{QUERY}\n{REPLY[:-4]}007d\n\nnonsense\n{REPLY}  # again\n")
    shown = shell.decode("gb20999", file)
    assert ["error" in item for item in shown] == [False, True, True, False]
    assert "CRC" in shown[1]["error"]
    assert "nonsense" in shown[2]["error"]
    assert shell.status == 1


def test_fields_of_a_table_are_frames(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "frames.csv"
    spaced = bytes.fromhex(REPLY).hex(" ")
    file.write_text(f'object,\u540d,question,answer\n6.3.4.1,\u5269,{QUERY},"{spaced}"\n', encoding="utf-8")
    shown = shell.decode("gb20999", file)
    assert [item["frame"]["type"] for item in shown] == ["QUERY", "QUERY_REPLY"]
    assert shell.status == 0


def test_standard_input_and_binary_streams(shell: Shell, tmp_path: Path) -> None:
    frame = Frame(FrameType.REPORT, (DataValue(1, Address(3, 3, 1, 1), b"\x20"),))
    stream = encode_frame(frame, escaped=True) * 2 + b"noise" + encode_frame(frame)
    (tmp_path / "stream.bin").write_bytes(stream)
    shown = shell.decode("gb20999", "-", given=stream)
    assert shown == shell.decode("gb20999", tmp_path / "stream.bin")
    assert [item.get("groups", [{}])[0].get("lamp") for item in shown] == ["green", "green", None, "green"]
    assert shell.status == 1


def test_what_earlier_frames_told_makes_groups_with_ends(shell: Shell) -> None:
    device = Gb20999Device(lambda: 20.0)
    told = [Address(*path, 0) for path in (objects.LAMP_TYPE,)]
    told += [
        Address(*path, n) for path in (objects.STAGE_PHASES, objects.STAGE_EARLY_ENDS) for n in range(1, 5)
    ]
    told += [Address(*path, 1) for path in (objects.PLAN_STAGES, objects.PLAN_TIMES)]
    colours = [path for pair in objects.LOSS_COLOURS for path in pair]
    phases = [objects.PHASE_LAMPS, objects.INTERGREENS, *colours]
    told += [Address(*path, n) for path in phases for n in range(1, 13)]
    asked = [Frame(FrameType.QUERY, (DataValue(1, address),)) for address in told]
    answers = [device.answer(frame) for frame in asked]
    frames = [encode_frame(answer) for answer in answers if answer is not None]
    lines = [frame.hex() for frame in [*frames, encode_frame(device.report())]]
    *_, last = shell.decode("gb20999", "-", given="\n".join(lines).encode())
    assert shell.status == 0
    groups = {group["number"]: group for group in last["groups"]}
    assert (groups[1]["kind"], groups[1]["lamp"]) == ("vehicle", "green")
    assert (groups[1]["min_end_s"], groups[1]["max_end_s"]) == (5.0, 6.0)  # 6 s at this place of the plan
    assert (groups[9]["kind"], groups[9]["lamp"]) == ("pedestrian", "red")
    assert last["status"] == ["FIXED_TIME"]
    assert last["plan"] == 1


def test_refused_question_is_no_bad_frame(shell: Shell) -> None:
    refused = Frame(FrameType.QUERY_ERROR, (DataValue(1, Address(17, 2, 1, 1), b"\x30"),))
    (shown,) = shell.decode("gb20999", encode_frame(refused).hex())
    assert shown["frame"]["values"][0]["refused"] == "DOES_NOT_EXIST"
    assert shell.status == 0


def test_further_protocol_is_one_line_and_gets_json_whole(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b'{"mId": "e68a0010-c336-41ac-bd58-5c80a72c7092"}\n'
    monkeypatch.setitem(DECODERS, "morse", lambda: lambda octets: iter([{"frame": octets.decode()}]))
    assert shell.decode("morse", "-", given=line) == [{"protocol": "morse", "frame": line.decode()}]


@pytest.mark.data
def test_recorded_tscbm_packets(shell: Shell, data_dir: Path) -> None:
    shown = shell.decode("tscbm", data_dir / "tscbm" / "carma_streets_ntcip_spat_data.txt")
    shown += shell.decode("tscbm", data_dir / "tscbm" / "v2xhub_spat_1721238398773.bin")
    assert shell.status == 0
    assert len(shown) == 8

    def lamps(item: Any, lamp: str) -> list[int]:
        groups = item["groups"]
        return [g["number"] for g in groups if g["kind"] == "vehicle" and g["lamp"] == lamp]

    assert [lamps(item, "green") for item in shown[:2]] == [[2, 6], [4, 8]]
    ends = {
        (item, group["kind"]): (group["min_end_s"], group["max_end_s"])
        for item in (0, 1)
        for group in shown[item]["groups"]
        if group["number"] == 2
    }
    assert (ends[0, "vehicle"], ends[0, "pedestrian"]) == ((None, 5.0), (5.0, 39.0))
    assert ends[1, "vehicle"] == ends[1, "pedestrian"] == (8.9, 20.9)
    assert shown[0]["clock"] == "11:27:24.500"
    assert any(lamps(item, "flashing_red") for item in shown)
    assert any(lamps(item, "flashing_yellow") for item in shown)


def test_bad_tscbm_is_data(shell: Shell) -> None:
    (shown,) = shell.decode("tscbm", "cd10" + "00" * 200)
    assert "not 202" in shown["error"]
    assert shell.status == 1


def test_blocks_and_both_lengths_in_one_recording(shell: Shell, tmp_path: Path) -> None:
    def message(blocks: int, calls: int | None) -> bytes:
        numbers = tuple(TscbmBlock(number, 205, 300) for number in range(1, blocks + 1))
        masks = TscbmMasks(phase_reds=0xFD, phase_greens=0x02)
        return encode_tscbm(TscbmMessage(numbers, masks, 0, 1, 2, 0, 9, 41_244, 500, calls))

    (tmp_path / "mixed.bin").write_bytes(b"noise" + message(16, None) + message(16, 4) + message(8, 4))
    shown = shell.decode("tscbm", tmp_path / "mixed.bin")
    assert ["error" in item for item in shown] == [True, False, False, False]
    for item in shown[1:]:
        groups = {group["number"]: group for group in item["groups"] if group["kind"] == "vehicle"}
        assert (groups[2]["lamp"], groups[2]["min_end_s"]) == ("green", 20.5)
        assert groups[1]["lamp"] == "red"
    assert len(shown[3]["frame"]["blocks"]) == 8
    assert [item["frame"]["direct_calls"] for item in shown[1:]] == [None, 4, 4]


def test_crossings_of_one_recording_keep_their_lamps_apart(shell: Shell) -> None:
    def report(crossing: int, element: int, lamp: int) -> str:
        values = (DataValue(1, Address(3, 3, 1, element), bytes((lamp,))),)
        return encode_frame(Frame(FrameType.REPORT, values, controller_id=crossing)).hex()

    _, shown = shell.decode("gb20999", report(1, 1, 0x20) + " " + report(2, 2, 0x10))
    assert [(group["number"], group["lamp"]) for group in shown["groups"]] == [(2, "red")]


def _answer(**columns: int) -> Message:
    paths = {
        "reds": "1.4.1.2",
        "yellows": "1.4.1.3",
        "greens": "1.4.1.4",
        "flash": "3.6",
        "overlap_reds": "9.4.1.2",
    }
    paths |= {"dont_walks": "1.4.1.5", "clears": "1.4.1.6", "walks": "1.4.1.7", "calls": "1.4.1.8"}
    index = {name: 0 if name == "flash" else 2 for name in columns}
    oids = {name: ber.oid(f"1.3.6.1.4.1.1206.4.2.1.{paths[name]}.{index[name]}") for name in columns}
    varbinds = tuple(VarBind(oids[name], ber.INTEGER, value) for name, value in columns.items())
    return Message(0, b"public", RESPONSE, 77, 0, 0, varbinds)


def test_ntcip1202_answers_show_the_lamps_of_their_groups(shell: Shell) -> None:
    lamps = _answer(
        reds=-35, yellows=0, greens=0x22, dont_walks=0xDD, clears=0x20, walks=2, calls=1, overlap_reds=255
    )
    (shown,) = shell.decode("ntcip1202", encode_message(lamps).hex(" "))
    assert shell.status == 0
    found = {(group["kind"], group["number"]): (group["lamp"], group["call"]) for group in shown["groups"]}
    assert found["vehicle", 9] == ("red", True)
    assert found["vehicle", 10] == ("green", False)
    assert found["pedestrian", 10] == ("green", False)
    assert found["pedestrian", 14] == ("flashing_red", False)
    assert found["overlap", 16] == ("unknown", False)  # its yellow and green are not in the message
    assert len(found) == 24
    values = {value["name"]: value for value in shown["frame"]["values"]}
    assert values["phaseStatusGroupGreens"]["numbers"] == [10, 14]


def test_ntcip1202_flash_questions_errors_and_commands(shell: Shell) -> None:
    flashing = _answer(reds=1, yellows=0xFE, greens=0, flash=3)
    question = dataclasses.replace(flashing, kind=GET, varbinds=(VarBind(flashing.varbinds[0].oid),))
    refused = dataclasses.replace(question, kind=RESPONSE, error_status=2, error_index=1)
    enable = bytes.fromhex(
        "302d02010004067075626c6963a32002010002010002010030153013060e2b060104018936030502092c0100020102"
    )
    lines = [
        *(encode_message(message).hex() for message in (flashing, question, refused)),
        enable.hex(),
        enable.hex()[:-2],
    ]
    shown = shell.decode("ntcip1202", "-", given="\n".join(lines).encode())
    assert [group["lamp"] for group in shown[0]["groups"]][:2] == ["flashing_red", "flashing_yellow"]
    assert shown[0]["status"] == ["PROGRAMMED_FLASH"]
    assert [item.get("frame", {}).get("type") for item in shown] == [
        "RESPONSE",
        "GET",
        "RESPONSE",
        "SET",
        None,
    ]
    assert shown[2]["frame"]["refused"] == "noSuchName"
    assert all("groups" not in item for item in shown[1:])
    assert shown[3]["frame"]["values"][0] == {
        "oid": "1.3.6.1.4.1.1206.3.5.2.9.44.1.0",
        "name": "Econolite SPaT broadcast",
        "value": 2,
    }
    assert shell.status == 1


def test_spat_as_text_and_bare_with_ends_from_its_own_time(shell: Shell, tmp_path: Path) -> None:
    group = GroupState(7, MovementState.PROTECTED_MOVEMENT_ALLOWED, NOW_NS + 43 * TENTH_NS)
    spat = j2735.encode_spat(signal_state(group), now_ns=NOW_NS)
    text = build_immediate_forward(immediate_forward(spat, kind="SPAT", signature=False))
    (tmp_path / "spat.txt").write_bytes(text * 2)
    shown = shell.decode("spat", tmp_path / "spat.txt") + shell.decode("spat", spat.hex())
    assert len(shown) == 3
    for item in shown:
        (found,) = item["groups"]
        assert (found["kind"], found["number"], found["lamp"]) == ("group", 7, "green")
        assert found["min_end_s"] == pytest.approx(4.3, abs=0.1)
    assert "intersections" in shown[0]["frame"]
    (bad,) = shell.decode("spat", spat.hex()[:-4])
    assert "error" in bad


@pytest.mark.parametrize("protocol", DECODERS)
@pytest.mark.parametrize("octets", [b"", b"\x00\x13", b"\xff" * 40, b"no frames in here", bytes(300)])
def test_file_of_anything_is_one_error(shell: Shell, tmp_path: Path, protocol: str, octets: bytes) -> None:
    (tmp_path / "any").write_bytes(octets)
    shown = shell.decode(protocol, tmp_path / "any")
    assert all("error" in item for item in shown)
    assert shell.status == (1 if shown else 0)
    assert shown or protocol in {"rsmp", "tlcfi"}


def test_unknown_protocol_and_absent_file_are_one_clear_line(shell: Shell) -> None:
    assert shell.decode("morse", REPLY) == []
    assert "tscbm, ntcip1202, gb20999, spat" in shell.errors
    assert shell.decode("tscbm", "no/such/file") == []
    assert "neither a file nor hexadecimal text" in shell.errors
    assert shell.status == 2


@pytest.mark.parametrize(
    ("protocol", "good", "separator"),
    [
        (
            "rsmp",
            {"mType": "rSMsg", "type": "Watchdog", "mId": UUID, "wTs": "2026-01-01T00:00:00.000Z"},
            b"\f",
        ),
        ("tlcfi", {"jsonrpc": "2.0", "id": 1, "result": {"ticks": 5}}, b""),
    ],
)
def test_recorded_json_streams_show_messages_and_errors(
    shell: Shell, tmp_path: Path, protocol: str, good: dict[str, object], separator: bytes
) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(json.dumps(good).encode() + separator + b'{"a": 1}' + separator)
    shown, bad = shell.decode(protocol, stream)
    assert shown == {"protocol": protocol, "message": good}
    assert "error" in bad
    assert shell.status == 1
    written = json.dumps(good)
    assert shell.decode(protocol, written) == shell.decode(protocol, written.encode().hex()) == [shown]
    assert shell.status == 0
