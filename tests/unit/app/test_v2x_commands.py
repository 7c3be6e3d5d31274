"""`edge v2x`: messages in, JSON out, and back."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.app import commands
from edge.v2x import csae, etsi_cam, j2735
from edge.v2x.framing import build_immediate_forward, immediate_forward, wrap_hisense
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, report, signal_state

BSM = j2735.encode_bsm(report(), frame=FRAME, message_count=1)
CSAE_BSM = csae.encode_bsm(report(temporary_id="0011223344556677"), frame=FRAME, message_count=1)
SPAT = j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS)
CAM = etsi_cam.encode_cam(report(), frame=FRAME)


class Shell:
    """Runs the command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = monkeypatch, capsys
        self.status = 0
        self.errors = ""

    def lines(self, *arguments: str, given: bytes = b"") -> list[str]:
        """What it prints."""
        stdin = SimpleNamespace(buffer=io.BytesIO(given))
        self._patch.setattr(sys, "argv", ["edge", "v2x", *arguments])
        self._patch.setattr(sys, "stdin", stdin)
        self.status = commands.run()
        printed = self._capture.readouterr()
        self.errors = printed.err
        return printed.out.splitlines()

    def one(self, *arguments: str, given: bytes = b"") -> Any:
        (line,) = self.lines(*arguments, given=given)
        return json.loads(line)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("octets", "message", "framing"),
    [
        (BSM, "j2735/BasicSafetyMessage", "plain"),
        (SPAT, "j2735/SPAT", "plain"),
        (b"\x03\x80" + BSM, "j2735/BasicSafetyMessage", "ieee1609"),
        (wrap_hisense(CSAE_BSM, sender="rsu", now_ns=NOW_NS), "csae-a/BasicSafetyMessage", "hisense"),
        (
            build_immediate_forward(immediate_forward(SPAT, kind="SPAT", signature=True)),
            "j2735/SPAT",
            "rsu41",
        ),
        (CAM, "etsi/CAM", "plain"),
    ],
)
def test_decode_finds_set_and_framing(octets: bytes, message: str, framing: str, shell: Shell) -> None:
    found = shell.one("decode", octets.hex())
    assert (found["message"], found["framing"], shell.status) == (message, framing, 0)
    assert found["edition"]


def test_decode_shows_units_and_raw_numbers(shell: Shell) -> None:
    assert shell.one("decode", BSM.hex())["value"]["coreData"]["speed"] == {"value": 9.9, "unit": "m/s"}
    assert shell.one("decode", "--raw", BSM.hex())["value"]["coreData"]["speed"] == 495


def test_what_decode_prints_encode_takes(tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "messages.json"
    lines = shell.lines("decode", "--raw", "-", given=b"\n".join(f.hex().encode() for f in (BSM, SPAT, CAM)))
    file.write_text("\n".join(lines))
    assert shell.lines("encode", str(file)) == [f.hex().upper() for f in (BSM, SPAT, CAM)]
    assert shell.lines("encode", "-", given=lines[0].encode()) == [BSM.hex().upper()]
    file.write_text(json.dumps(json.loads(lines[1]), indent=2))
    assert shell.lines("encode", str(file)) == [SPAT.hex().upper()]


@pytest.mark.parametrize("text", [f"0x{BSM.hex()}", f"  {BSM.hex().upper()} "])
def test_hexadecimal_as_people_write_it(text: str, shell: Shell) -> None:
    assert shell.one("decode", text)["message"] == "j2735/BasicSafetyMessage"


def test_a_binary_file_is_one_datagram(tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "captured"
    file.write_bytes(SPAT)
    assert shell.one("decode", str(file))["message"] == "j2735/SPAT"
    assert shell.one("decode", "-", given=SPAT)["message"] == "j2735/SPAT"


def test_a_bad_line_is_reported_and_the_others_are_read(shell: Shell) -> None:
    given = b"\n".join((BSM.hex().encode(), BSM[:-3].hex().encode(), SPAT.hex().encode()))
    first, bad, last = (json.loads(line) for line in shell.lines("decode", "-", given=given))
    assert (first["message"], last["message"]) == ("j2735/BasicSafetyMessage", "j2735/SPAT")
    assert "no set and no framing reads" in bad["error"]
    assert shell.status == 1


def test_a_set_that_is_named_is_taken_at_its_word(shell: Shell) -> None:
    assert shell.one("decode", "--set", "csae-b", CSAE_BSM.hex())["message"] == "csae-b/BasicSafetyMessage"
    assert "error" in shell.one("decode", "--set", "j2735", CSAE_BSM.hex())
    shell.lines("decode", "--set", "dsrc", BSM.hex())
    assert shell.status == 2
    assert "no set is called 'dsrc'" in shell.errors


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "not {"),
        ("[]", "not {"),
        ('{"message": "j2735/BSM", "value": {}}', "no message is called 'j2735/BSM'"),
        ('{"message": ["a"], "value": {}}', "no message is called ['a']"),
        ("[" * 100_000, "not {"),
    ],
)
def test_encode_says_what_is_wrong_with_a_file(document: str, problem: str, shell: Shell) -> None:
    shell.lines("encode", "-", given=document.encode())
    assert shell.status == 2
    assert problem in shell.errors


def test_encode_says_that_a_file_is_no_text(shell: Shell) -> None:
    shell.lines("encode", "-", given=b"\xff\xfe{")
    assert shell.status == 2
    assert "no UTF-8 text" in shell.errors


def test_a_value_out_of_range_names_the_field(shell: Shell) -> None:
    found = shell.one("decode", "--raw", BSM.hex())
    found["value"]["coreData"]["speed"] = 9999
    shell.lines("encode", "-", given=json.dumps(found).encode())
    assert shell.status != 0
    assert "speed" in shell.errors
    assert "Traceback" not in shell.errors


def test_neither_a_file_nor_a_message(shell: Shell) -> None:
    shell.lines("decode", "no-such-file")
    assert shell.status == 2
    assert "neither a file nor hexadecimal text" in shell.errors


def test_bench_counts(shell: Shell) -> None:
    found = shell.one("bench", "--seconds", "0.01", BSM.hex())
    assert found["message"] == "j2735/BasicSafetyMessage"
    assert found["bytes"] == len(BSM)
    assert min(found["decode_per_s"], found["encode_per_s"]) > 0
