"""`edge calibrate` from the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from edge.app import commands
from edge.app.calibrate import check_host, make_server
from edge.core.errors import ConfigError
from tests.unit.app.calibration_site import serving, write_commented_site, write_picture


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edge", "calibrate", *arguments])
    return commands.run()


def test_help_has_an_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    assert "Example: edge calibrate" in capsys.readouterr().out


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_prints_its_address_serves_and_ends_cleanly(ending: signal.Signals, tmp_path: Path) -> None:
    """Also as a background job, which begins with Ctrl-C ignored."""
    site, picture = write_commented_site(tmp_path), write_picture(tmp_path)
    command = [
        sys.executable,
        "-m",
        "edge.app",
        "calibrate",
        str(site),
        "--camera",
        "south_west",
        "--port",
        "0",
    ]
    process = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command, "--image", str(picture)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )
    with process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().removeprefix("open ").strip()
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own server
                assert b"<title>Calibrate a camera</title>" in answer.read()
            process.send_signal(ending)
            rest, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert rest.splitlines()[-1] == "ended"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--camera", "west"], "no camera named 'west' (use one of south_west, north_east)"),
        ([], "say which (one of south_west, north_east)"),
        (["--camera", "south_west", "--image", "absent.png"], "--image: cannot read absent.png"),
        (["--camera", "south_west", "--host", "192.0.2.1"], "192.0.2.1 is not loopback"),
        (["--camera", "south_west", "--host", "0.0.0.0"], "0.0.0.0 is every interface"),
    ],
    ids=["unknown camera", "no camera", "no picture", "plaintext", "wildcard"],
)
def test_mistakes_end_with_2_and_words(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = write_commented_site(tmp_path)
    assert run(monkeypatch, str(site), *arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_no_leave(host: str) -> None:
    check_host(host, allow_plaintext=False)


def test_other_hosts_are_served_where_plaintext_is_allowed() -> None:
    check_host("192.0.2.1", allow_plaintext=True)


def test_points_of_another_picture_size_are_scaled_and_that_is_told(tmp_path: Path) -> None:
    site = write_commented_site(tmp_path)
    with serving(site, image=write_picture(tmp_path)) as client:
        _, first, _ = client.ask("session")
    with serving(site, image=write_picture(tmp_path, scale=2)) as client:
        _, second, _ = client.ask("session")
    assert [p["u"] for p in second["points"]] == pytest.approx([2 * p["u"] for p in first["points"]])
    assert second["notes"] == [
        "The points in the file refer to a picture of 480 x 288; this one has 960 x 576. They were scaled."
    ]


def test_picture_of_another_shape_is_doubted(tmp_path: Path) -> None:
    site = write_commented_site(tmp_path)
    site.write_text(site.read_text().replace("image_size = [480, 288]", "image_size = [640, 480]"))
    with serving(site, image=write_picture(tmp_path)) as client:
        _, session, _ = client.ask("session")
    assert "check every point" in session["notes"][0]


def test_only_camera_needs_no_name(tmp_path: Path) -> None:
    site = write_commented_site(tmp_path)
    text = site.read_text()
    first, second, *others = text.split("\n[[camera]]\n")[1:]
    assert 'name = "south_west"' in first
    assert 'name = "north_east"' in second
    assert len(others) == 1
    site.write_text(text.replace(f"\n[[camera]]\n{second}", ""))
    server = make_server(site, camera=None, image=write_picture(tmp_path))
    try:
        assert server.session.describe()["camera"] == "south_west"
    finally:
        server.server_close()
    site.write_text(text[: text.index("[[camera]]")])
    with pytest.raises(ConfigError, match="the site has no camera"):
        make_server(site, camera=None, image=write_picture(tmp_path))
