"""`edge validate`: files of every form in, findings and an exit status out."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.app import commands
from edge.app.validate import FileCheck
from edge.app.validate_input import Reader
from edge.core.errors import ConfigError
from edge.core.signals import MovementState
from edge.v2x import csae_spat, etsi_spatem, j2735_map, j2735_spat
from edge.v2x.jer import to_json
from edge.v2x.whole import recognise
from tests.bench.validation_stream import START_NS, hear, place, snapshots_of_plan
from tests.unit.v2x.test_ode_json import movement, ode_spat

STATES = [heard.state for heard in hear(snapshots_of_plan(420, START_NS), 1, lossy=False)][3:]
MAP = j2735_map.encode_map(place(), message_count=1, now_ns=START_NS)


class Shell:
    """Runs `edge validate` in this process."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        self._patch, self._capture, self.folder = monkeypatch, capsys, folder
        self.errors = ""

    def file(self, lines: Iterable[str], name: str = "recorded") -> Path:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def run(self, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
        """Exit status and findings."""
        self._patch.setattr(sys, "argv", ["edge", "validate", "--json", *map(str, arguments)])
        status = commands.run()
        printed = self._capture.readouterr()
        self.errors = printed.err
        return status, [json.loads(line) for line in printed.out.splitlines()]


@pytest.fixture(name="shell")
def _shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path)


def hexadecimal(states: Iterable[Any] = STATES) -> list[str]:
    return [j2735_spat.encode_spat(state, now_ns=state.published_ns).hex() for state in states]


def as_csae(timing: Any) -> list[str]:
    return [
        csae_spat.encode_spat(state, now_ns=state.published_ns, timing=timing, message_count=k % 128).hex()
        for k, state in enumerate(STATES)
    ]


def raw(line: str) -> str:
    found = recognise(bytes.fromhex(line))
    return json.dumps({"message": found.message, "value": to_json(found.message, found.value)})


def conflicting() -> list[Any]:
    """A stream in which groups 2 and 4 are green together for a second."""
    states = list(STATES)
    green = MovementState.PROTECTED_MOVEMENT_ALLOWED
    begin = next(
        k for k, s in enumerate(states) if any(g.signal_group == 2 and g.state is green for g in s.groups)
    )
    for k in range(begin + 20, begin + 30):
        groups = tuple(
            dataclasses.replace(g, state=green) if g.signal_group == 4 else g for g in states[k].groups
        )
        states[k] = dataclasses.replace(states[k], groups=groups)
    return states


@pytest.mark.parametrize("form", ["hex", "raw", "counting", "utc", "etsi"])
def test_sound_recordings_of_every_form_are_clean(shell: Shell, form: str) -> None:
    lines = {
        "hex": hexadecimal,
        "raw": lambda: [raw(line) for line in hexadecimal()],
        "counting": lambda: as_csae("counting"),
        "utc": lambda: as_csae("utc"),
        "etsi": lambda: [
            etsi_spatem.encode_spatem(s, now_ns=s.published_ns, station_id=1).hex() for s in STATES
        ],
    }[form]()
    asked = () if form in {"counting", "utc", "etsi"} else ("--no-minimum-data",)
    status, found = shell.run(shell.file(lines), "--map", shell.file([MAP.hex()], "map"), *asked)
    assert (status, found) == (0, [])
    assert f"{len(STATES)} SPaT" in shell.errors


def test_a_map_in_the_file_is_used(shell: Shell) -> None:
    status, found = shell.run(shell.file([*hexadecimal(conflicting()), raw(MAP.hex())]))
    pairs = {tuple(one["groups"]): one for one in found if one["kind"] == "conflicting_greens"}
    assert status == 1
    assert pairs[2, 4]["severity"] == "colour"
    assert pairs[2, 4]["count"] == 10
    assert "minimum_data" not in {one["kind"] for one in found}


@pytest.mark.parametrize("with_map", [False, True])
def test_missing_minimum_data_count_for_the_status(shell: Shell, with_map: bool) -> None:
    path = shell.file(hexadecimal())
    given = ("--map", shell.file([MAP.hex()], "map")) if with_map else ()
    status, found = shell.run(path, *given)
    assert status == 1
    assert [(one["kind"], one["severity"]) for one in found] == [("minimum_data", "incomplete")]
    assert shell.run(path, *given, "--no-minimum-data") == (0, [])
    both = shell.file([*hexadecimal(), MAP.hex()], "both")
    assert shell.run(both, *given) == (0, [])
    assert shell.run(both, *given, "--minimum-data")[0] == 1


def test_remarks_count_where_they_are_asked_to(shell: Shell) -> None:
    lines = hexadecimal()
    path = shell.file([*lines[:40], lines[39], *lines[40:]])
    status, found = shell.run(path, "--no-minimum-data")
    assert (status, [one["kind"] for one in found]) == (0, ["duplicate"])
    assert shell.run(path, "--no-minimum-data", "--strict")[0] == 1


def test_a_given_map_comes_before_that_of_the_file_only_for_its_own_place(shell: Shell) -> None:
    lanes = place().lanes[1:]
    lacking = dataclasses.replace(place(), lanes=lanes)
    elsewhere = dataclasses.replace(lacking, intersection=4242)
    path = shell.file([MAP.hex(), *hexadecimal(conflicting())])
    kinds = {}
    for name, one in (("fits", place()), ("elsewhere", elsewhere)):
        given = shell.file([j2735_map.encode_map(one, message_count=1, now_ns=START_NS).hex()], name)
        status, found = shell.run(path, "--map", given)
        assert status == 1
        kinds[name] = {one["kind"] for one in found}
    assert kinds["elsewhere"] == kinds["fits"]
    assert "map_intersection" not in kinds["fits"]


def test_a_map_of_another_place_is_named(shell: Shell) -> None:
    other = dataclasses.replace(place(), intersection=4242)
    given = shell.file([j2735_map.encode_map(other, message_count=1, now_ns=START_NS).hex()], "map")
    status, found = shell.run(shell.file(hexadecimal()), "--map", given, "--no-minimum-data")
    assert status == 1
    assert {one["kind"] for one in found} == {"map_intersection"}


def test_a_map_that_changes_under_its_revision(shell: Shell) -> None:
    lanes = place().lanes[1:]
    other = j2735_map.encode_map(dataclasses.replace(place(), lanes=lanes), message_count=1, now_ns=START_NS)
    status, found = shell.run(shell.file([MAP.hex(), *hexadecimal()[:3], other.hex()]))
    assert status == 1
    assert [one["kind"] for one in found] == ["map_revision"]


def script(ends: Iterable[int], **placeholders: str) -> list[str]:
    """A timed script: group 2 red with these ends, one line each 100 ms."""
    lines = []
    for k, end in enumerate(ends):
        document = ode_spat(
            movement(2, "STOP_AND_REMAIN", minEndTime=end, maxEndTime=end),
            moy="@MINUTE_OF_YEAR@",
            timeStamp="@MILLI_OF_MINUTE@",
            **placeholders,
        )
        document["metadata"]["odeReceivedAt"] = "@ISO_DATE_TIME@"
        lines.append(f"SPAT,{20 + 100 * k},{json.dumps(document)}")
    return lines


def test_timed_scripts_are_played(shell: Shell) -> None:
    assert shell.run(shell.file(script([1190] * 20)), "--no-minimum-data") == (0, [])
    status, found = shell.run(shell.file(script([1190] * 10 + [1150] * 3)), "--no-minimum-data")
    assert status == 1
    assert [(one["kind"], one["line"], one["count"]) for one in found] == [("promise_broken", 11, 3)]
    assert found[0]["at_s"] == pytest.approx(1.0)


def test_ends_of_whole_seconds_need_the_tolerance(shell: Shell) -> None:
    path = shell.file(script([1190, 1180, 1190]))
    assert shell.run(path, "--no-minimum-data")[0] == 0
    assert shell.run(path, "--no-minimum-data", "--tolerance-s", "0.5")[0] == 1


def test_ode_recordings_are_compared_with_their_arrival(shell: Shell) -> None:
    document = ode_spat(movement(2, "STOP_AND_REMAIN"), moy=1000, timeStamp=2500)
    document["metadata"]["odeReceivedAt"] = "2026-01-01T17:00:00Z"
    lines = [json.dumps(document)] * 6
    status, found = shell.run(shell.file(lines), "--no-minimum-data")
    assert status == 1
    assert "clock_off" in {one["kind"] for one in found}


def test_malformed_lines_are_counted_and_told(shell: Shell) -> None:
    bad = [
        "00",
        "{",
        "[1]",
        "SPAT,12,{}x",
        'SPAT,12,{"payload": 3}',
        '{"message": "j2735/SPAT", "value": 7}',
        "hello",
    ]
    status, found = shell.run(shell.file([*bad, *hexadecimal()[:5], "BSM,5,{}"]), "--no-minimum-data")
    assert (status, found) == (0, [])
    assert "5 SPaT, 0 MAP, 2 other, 6 malformed" in shell.errors
    assert "line 1 does not read" in shell.errors


def test_files_that_cannot_be_read(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "octets").write_bytes(b"\xff\xfe\x00\x13")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "octets", shell.file(["hello"], "words")):
        status, found = shell.run(path)
        assert (status, found) == (2, [])
        assert "error:" in shell.errors


def test_a_table_for_people(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shell.file([*hexadecimal(conflicting()), raw(MAP.hex())])
    monkeypatch.setattr(sys, "argv", ["edge", "validate", str(path)])
    assert commands.run() == 1
    printed = capsys.readouterr().out
    assert "conflicting greens: signal groups 2 and 4" in printed
    assert "colour in doubt" in printed


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(bytes.hex)), min_size=1, max_size=5)
)
def test_no_line_is_a_bug(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "garbage"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    for recorded in Reader(path, now_ns=START_NS):
        assert recorded.line >= 1


_FIELDS = st.sampled_from(
    [b"id", b"nodes", b"laneSet", b"refPoint", b"1234", b'"x"', b"null", b"{}", b"[]", b"-1e99"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_message_is_a_bad_line(tmp_path: Path, data: st.DataObject) -> None:
    lines = [raw(MAP.hex()), raw(hexadecimal(STATES[:1])[0]), json.dumps(ode_spat(movement(2, "DARK")))]
    text = bytearray(data.draw(st.sampled_from(lines)).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(1, 12))] = data.draw(_FIELDS)
    path = tmp_path / "damaged"
    path.write_bytes(bytes(text))
    kinds = [recorded.kind for recorded in Reader(path, now_ns=START_NS)]
    readable = bool({"SPAT", "MAP"} & set(kinds))
    with nullcontext() if readable else pytest.raises(ConfigError, match="damaged"):
        FileCheck().run(path, now_ns=START_NS)


DATA = {
    "SPATs.csv": (1, {"promise_broken", "minimum_data"}),
    "SignalGroupAlignment-aligned.csv": (0, set()),
    "SignalGroupAlignment-unaligned.csv": (1, {"group_missing", "group_unknown"}),
    "SPAT_MinData.csv": (1, {"minimum_data"}),
    "SPAT_MinData-valid.csv": (0, set()),
    "MAP_MinData.csv": (1, {"minimum_data"}),
    "MAP.json": (0, set()),
}


@pytest.mark.data
@pytest.mark.parametrize("name", DATA)
def test_recorded_scripts(shell: Shell, data_dir: Path, name: str) -> None:
    status, found = shell.run(data_dir / "conflictmonitor" / name)
    assert (status, {one["kind"] for one in found}) == DATA[name]


@pytest.mark.data
@pytest.mark.parametrize("given", ["MAP.json", "MAP_MinData.csv"])
@pytest.mark.parametrize("name", sorted(DATA.keys() - {"SPATs.csv", "SPAT_MinData-valid.csv", "MAP.json"}))
def test_a_map_of_another_place_does_not_change_the_verdict(
    shell: Shell, data_dir: Path, name: str, given: str
) -> None:
    folder = data_dir / "conflictmonitor"
    status, _ = shell.run(folder / name, "--map", folder / given)
    assert status == DATA[name][0]


@pytest.mark.data
def test_what_is_wrong_with_the_recorded_spat(shell: Shell, data_dir: Path) -> None:
    _, found = shell.run(data_dir / "conflictmonitor" / "SPATs.csv")
    broken = {one["groups"][0]: one for one in found if one["kind"] == "promise_broken"}
    assert set(broken) == {1, 5}, "the ends of these reds run back by more than a minute"
    assert {one["sentence"].split(": ")[1] for one in broken.values()} == {"least end ran backwards"}


@pytest.mark.data
def test_messages_without_scripts_of_the_same_place(shell: Shell, data_dir: Path) -> None:
    given = data_dir / "conflictmonitor" / "MAP.json"
    status, found = shell.run(data_dir / "conflictmonitor" / "SPATs.csv", "--map", given)
    assert status == 1
    assert "map_intersection" in {one["kind"] for one in found}
