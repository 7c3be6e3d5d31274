"""The calibration page's server, asked over real HTTP on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.app import calibrate_server
from edge.app.calibrate import make_server
from edge.app.calibrate_server import LARGEST_BODY, MOST_CONNECTIONS
from edge.app.camera_parts import projection_of
from edge.config import load_site
from edge.core.errors import DeviceError
from tests.unit.app.calibration_site import (
    CAMERA,
    REMARK,
    Client,
    pinhole,
    serving,
    true_points,
    write_commented_site,
    write_picture,
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_commented_site(tmp_path)


@pytest.fixture
def client(site: Path, tmp_path: Path) -> Iterator[Client]:
    with serving(site, image=write_picture(tmp_path)) as found:
        yield found


def test_page_and_its_parts_are_served_with_headers_that_keep_it_to_itself(client: Client) -> None:
    status, page, headers = client.ask("")
    assert status == 200
    assert b"<title>Calibrate a camera</title>" in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    for part, kind in [("app.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg")]:
        status, body, headers = client.ask(part)
        assert (status, headers["content-type"].startswith(kind)) == (200, True)
        assert b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b""), "works without a network"


def test_every_script_that_the_page_imports_is_served(client: Client) -> None:
    waiting, seen = ["app.js"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        status, text, _ = client.ask(name)
        assert status == 200, name
        waiting += [part.split('"')[0] for part in text.decode().split('from "./')[1:]]
    assert {"pane.js", "plan.js", "picture.js", "table.js"} <= seen


@pytest.mark.parametrize("token", ["wrong", "", "%00"], ids=["wrong", "none", "zero"])
def test_without_the_token_nothing_is_served(client: Client, token: str) -> None:
    for path, body in [("", None), ("session", None), ("fit", {"points": []}), ("save", {})]:
        status, answer, _ = client.ask(path, body, token=token)
        assert status == 403
        assert "secret part" in answer["error"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8099", "", "127.0.0.1.evil.example", "[::1", "10.0.0.7"]
)
def test_name_that_is_not_ours_is_refused(client: Client, host: str) -> None:
    assert client.ask("session", Host=host)[0] == 421


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8099"])
def test_names_of_this_machine_are_served_through_any_tunnel(client: Client, host: str) -> None:
    assert client.ask("session", Host=host)[0] == 200


def test_request_of_another_page_is_refused(client: Client) -> None:
    own = f"http://127.0.0.1:{client.port}"
    assert client.ask("fit", {"points": []}, Origin=own)[0] == 200
    assert client.ask("fit", {"points": []}, Origin="http://evil.example")[0] == 403
    assert client.ask("fit", {"points": []}, Origin="null")[0] == 403
    assert client.ask("fit", b"{}", Content_Type="text/plain")[0] == 415


@pytest.mark.parametrize("path", ["../calibrate.py", "%2e%2e/calibrate.py", "app.py", "ortho", "app.js/"])
def test_other_files_are_not_served(client: Client, path: str) -> None:
    assert client.ask(path)[0] == 404
    assert client.ask("other", {})[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[1]", 400),
        (b'{"points": [NaN]}', 400),
        (b"[" * 100_000, 400),
        (b"{}", 422),
        (b'{"points": 5}', 422),
        (b'{"points": [5]}', 422),
        (b'{"points": [{"u": 1, "v": 2, "x": 3}]}', 422),
        (b'{"points": [{"u": 1, "v": 2, "x": 3, "y": true}]}', 422),
        (b'{"points": [{"u": 1, "v": 2, "x": 3, "y": 1e999}]}', 422),
        (b'{"points": [{"u": 1, "v": 2, "x": 3, "y": 1' + b"0" * 400 + b"}]}", 422),
        (b'{"points": [{"u": 1, "v": 2, "x": 3, "y": 4, "note": 5}]}', 422),
        (b'{"points": [' + b",".join([b'{"u": 1, "v": 2, "x": 3, "y": 4}'] * 201) + b"]}", 422),
    ],
)
def test_malformed_bodies_are_refused_in_words(client: Client, body: bytes, status: int) -> None:
    found, answer, _ = client.ask("fit", body)
    assert found == status
    assert len(answer["error"]) > 10


def raw(client: Client, request: bytes) -> bytes:
    """What the server answers to these bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as link:
        link.sendall(request)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while part := link.recv(65536):
            answer += part
    return answer


def head(client: Client, *lines: str) -> bytes:
    text = [f"POST /{client.token}/fit HTTP/1.1", "Host: localhost", "Content-Type: application/json", *lines]
    return ("\r\n".join(text) + "\r\n\r\n").encode()


def test_token_that_is_no_ascii_is_refused_like_any_other(client: Client) -> None:
    request = "GET /\u00e9/session HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    assert raw(client, request).split(b" ")[1] == b"403"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([f"Content-Length: {LARGEST_BODY + 1}"], b"413"),
        (["Content-Length: " + "9" * 5000], b"413"),
        (["Content-Length: -1"], b"411"),
        (["Content-Length: 1e3"], b"411"),
        (["Transfer-Encoding: chunked"], b"411"),
        (["Content-Length: 50"], b"400"),
    ],
    ids=["oversize", "absurd", "negative", "no number", "chunked", "short"],
)
def test_bodies_of_wrong_length_are_refused_unread(client: Client, lines: list[str], status: bytes) -> None:
    assert raw(client, head(client, *lines)).split(b" ")[1] == status


def test_body_of_the_largest_size_is_read(client: Client) -> None:
    body = b'{"points": []' + b" " * (LARGEST_BODY - 14) + b"}"
    assert client.ask("fit", body)[0] == 200


def test_slow_clients_are_hung_up_on_and_others_served(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate_server._Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as link:
        link.sendall(head(client, "Content-Length: 50"))
        assert client.ask("session")[0] == 200
        assert link.recv(1) == b""


def test_more_connections_than_it_has_room_for_are_hung_up_on(client: Client) -> None:
    idle = [socket.create_connection(("127.0.0.1", client.port), timeout=20) for _ in range(MOST_CONNECTIONS)]
    try:
        with socket.create_connection(("127.0.0.1", client.port), timeout=20) as one_more:
            assert one_more.recv(1) == b""
    finally:
        for link in idle:
            link.close()


def test_port_in_use_is_named(client: Client, site: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=f"port {client.port}: .*in use.*another --port"):
        make_server(site, camera=CAMERA, image=write_picture(tmp_path), port=client.port)


def test_session_tells_picture_map_and_the_points_of_the_file(client: Client) -> None:
    _, session, _ = client.ask("session")
    assert session["camera"] == CAMERA
    assert session["picture"]["width"] == pinhole().width
    assert len(session["points"]) == 12
    assert session["key"] == "points"
    assert {"vehicle", "crosswalk"} <= {lane["kind"] for lane in session["plan"]["lanes"]}
    assert session["notes"] == []
    status, picture, headers = client.ask("picture")
    assert (status, headers["content-type"], picture[:4]) == (200, "image/png", b"\x89PNG")


def test_fit_answers_with_small_errors_for_true_points(client: Client) -> None:
    _, fit, _ = client.ask("fit", {"points": true_points()})
    assert fit["state"] == "fitted"
    assert max(fit["error_m"]) < 0.05
    assert fit["camera"]["height_m"] == pytest.approx(pinhole().position_m[2], abs=0.05)


def test_save_changes_the_points_and_keeps_every_comment(client: Client, site: Path) -> None:
    before = site.read_text()
    _, session, _ = client.ask("session")
    points = true_points()[2:]
    status, answer, _ = client.ask("save", {"points": points, "key": "points", "digest": session["digest"]})
    assert status == 200, answer
    assert answer["message"].startswith(f"10 points and the image size written to {site}")
    text = site.read_text()
    assert REMARK in text
    assert "# spot 3" in text
    assert site.with_name("site.toml.bak").read_text() == before
    loaded = load_site(site)
    config = next(camera for camera in loaded.camera if camera.name == CAMERA)
    size = (pinhole().width, pinhole().height)
    projection = projection_of(config, loaded, image_size=size)
    pixel = np.array([[size[0] / 2, 0.7 * size[1]]])
    assert projection.ground_points(pixel)[0] == pytest.approx(pinhole().ground_points(pixel)[0], abs=0.05)
    _, again, _ = client.ask("session")
    assert [point["note"] for point in again["points"]] == [point["note"] for point in points]
    assert again["digest"] == answer["digest"]


def test_points_saved_in_degrees_are_the_same_ground(client: Client, site: Path) -> None:
    _, session, _ = client.ask("session")
    body = {"points": true_points(), "key": "points_wgs84", "digest": session["digest"]}
    assert client.ask("save", body)[0] == 200
    config = load_site(site).camera[0]
    assert (len(config.points), len(config.points_wgs84)) == (0, 12)
    _, again, _ = client.ask("session")
    assert again["key"] == "points_wgs84"
    for old, new in zip(true_points(), again["points"], strict=True):
        assert (new["x"], new["y"]) == pytest.approx((old["x"], old["y"]), abs=0.002)


def test_what_does_not_fit_is_not_saved(client: Client, site: Path) -> None:
    before = site.read_text()
    _, session, _ = client.ask("session")
    few = {"points": true_points()[:3], "key": "points", "digest": session["digest"]}
    mirrored = few | {"points": [p | {"x": p["y"], "y": p["x"]} for p in true_points()]}
    no_key = few | {"points": true_points(), "key": "image_size"}
    for body, words in [(few, "Mark one more point"), (mirrored, "from below"), (no_key, "must be one of")]:
        status, answer, _ = client.ask("save", body)
        assert (status, words in answer["error"]) == (422, True), answer
    assert site.read_text() == before


def test_points_that_changed_in_the_file_meanwhile_are_not_overwritten(client: Client, site: Path) -> None:
    _, session, _ = client.ask("session")
    body = {"points": true_points(), "key": "points", "digest": session["digest"]}
    assert client.ask("save", body | {"points": true_points()[1:]})[0] == 200
    status, answer, _ = client.ask("save", body)
    assert status == 422
    assert "changed since this page was opened (reload the page" in answer["error"]


def test_other_changes_of_the_file_meanwhile_are_kept(client: Client, site: Path) -> None:
    _, session, _ = client.ask("session")
    site.write_text(site.read_text().replace('name = "Demo crossing"', 'name = "Harbour"  # new name'))
    body = {"points": true_points(), "key": "points", "digest": session["digest"]}
    assert client.ask("save", body)[0] == 200
    assert 'name = "Harbour"  # new name' in site.read_text()


def test_picture_of_a_file_is_not_taken_again(client: Client) -> None:
    status, answer, _ = client.ask("retake", {})
    assert status == 422
    assert "start without --image" in answer["error"]
