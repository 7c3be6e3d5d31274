"""The node's web server: who is answered, with what, and what a page may load."""

from __future__ import annotations

import asyncio
import re

import pytest

from edge import plan_view
from edge.config.address import is_own_host
from edge.core.errors import ConfigError, DeviceError
from edge.publish.web import PAGE
from tests.unit.publish.feed import scene, signals
from tests.unit.publish.web_client import PATIENCE_S, get, limited, web
from tests.waiting import until


async def test_page_and_all_that_it_loads_are_served_from_here_alone() -> None:
    async with web() as (_hub, server):
        port = server.http.port
        page = await get(port, "/")
        assert page.status == 200
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        files = {f"/page/{file.name}" for file in PAGE.iterdir()}
        files |= {
            f"/view/{file.name}" for file in plan_view.FOLDER.iterdir() if file.suffix in {".js", ".css"}
        }
        for path in sorted(files):
            answer = await get(port, path)
            assert answer.status == 200, path
            outside = answer.body.replace(b"http://www.w3.org/2000/svg", b"")
            assert not re.search(rb"https?://|\sstyle=\"|\son[a-z]+=\"", outside), path


async def test_every_module_that_the_page_imports_is_there() -> None:
    """A name that moved would break the page only in a browser."""
    for file in [*PAGE.glob("*.js"), *plan_view.FOLDER.glob("*.js")]:
        for path in re.findall(r'from "(\.[^"]+)"', file.read_text()):
            folder = plan_view.FOLDER if path.startswith("../view/") else file.parent
            assert (folder / path.rpartition("/")[2]).is_file(), f"{file.name} imports {path}"


async def test_geometry_state_and_time_are_json_with_the_names_of_the_protos() -> None:
    async with web() as (hub, server):
        hub.publish(signals())
        hub.publish(scene((1.0, 2.0), life_s=-1.0))
        port = server.http.port
        geometry = (await get(port, "/intersection")).json()
        assert (geometry["node_id"], geometry["lanes"][0]["width_m"]) == ("corner-1", 3.5)
        state = (await get(port, "/state")).json()
        assert [update["layer"] for update in state["updates"]] == ["LAYER_SIGNALS"], "expired is not sent"
        assert state["updates"][0]["signals"]["groups"][0]["state"] == "MOVEMENT_STATE_STOP_AND_REMAIN"
        assert int((await get(port, "/time")).json()["node_ns"]) > int(state["node_ns"])


@pytest.mark.parametrize(
    ("path", "headers", "host", "status", "words"),
    [
        ("/none", "", "", 404, "/events"),
        ("/page/../hub.py", "", "", 404, ""),
        ("/%2e%2e/hub.py", "", "", 404, ""),
        ("/events?layers=lamps", "", "", 400, "'lamps' is not known"),
        ("/events?layers=signals&layer=scene", "", "", 400, "'layer' is not known"),
        ("/events?max_rate_hz=fast", "", "", 400, "max_rate_hz"),
        ("/events?max_rate_hz=nan", "", "", 400, "max_rate_hz"),
        ("/events?max_rate_hz=-1", "", "", 400, "max_rate_hz"),
        ("/events?layers=scene&layers=signals", "", "", 400, "twice"),
        ("/events?layers=%ff", "", "", 400, "bad address"),
        ("/events?" + "&".join(f"a{i}=1" for i in range(40)), "", "", 400, "bad address"),
        ("/events", "Origin: http://elsewhere.example\r\n", "", 403, "another page"),
        ("/state", "", "elsewhere.example", 421, "web.names"),
        ("/state", "", "[::1", 421, "web.names"),
    ],
)
async def test_a_request_that_is_not_served_is_told_why(
    path: str, headers: str, host: str, status: int, words: str
) -> None:
    async with web() as (_hub, server):
        answer = await get(server.http.port, path, headers=headers, host=host)
        assert (answer.status, words in answer.json()["error"]) == (status, True), answer.body
        assert server.http.counters["refused"] == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /state HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
    ids=["another method", "a proxy's request", "no request", "TLS"],
)
async def test_what_is_no_plain_get_is_refused(request_: bytes) -> None:
    async with web() as (_hub, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http.port)
        writer.write(request_)
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))


async def test_an_own_name_is_answered_when_the_site_file_has_it() -> None:
    async with web(names=("crossing.example",)) as (_hub, server):
        same = "Origin: http://crossing.example:8080\r\n"
        answer = await get(server.http.port, "/state", headers=same, host="crossing.example:8080")
        assert answer.status == 200


@pytest.mark.parametrize(
    ("header", "listening", "own"),
    [
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("[::1]:8080", "127.0.0.1", True),
        ("192.0.2.7:8080", "127.0.0.1", False),
        ("192.0.2.7:8080", "0.0.0.0", True),
        ("attacker.example", "0.0.0.0", False),
        ("", "0.0.0.0", False),
    ],
)
def test_only_names_that_nobodys_dns_answers_for_are_own(header: str, listening: str, own: bool) -> None:
    assert is_own_host(header, listening=listening) is own


async def test_connections_are_bounded_in_all_and_per_host_and_a_slow_head_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.publish.http_server.REQUEST_TIMEOUT_S", 0.5)
    async with web(limited(1, 1)) as (_hub, server):
        most = server.http._limits.connections_per_host
        silent = [await asyncio.open_connection("127.0.0.1", server.http.port) for _ in range(most + 5)]
        await until(lambda: server.http.counters["refused"] == 5)
        await until(lambda: server.http.counters["too_slow"] == most)
        assert (await get(server.http.port, "/time")).status == 200
        for _reader, writer in silent:
            writer.close()


async def test_a_taken_port_and_a_wrong_address_name_the_key() -> None:
    async with web() as (_hub, server):
        with pytest.raises(DeviceError, match=r"web\.listen"):
            async with web(listen=f"127.0.0.1:{server.http.port}"):
                pass
    with pytest.raises(ConfigError, match=r"web\.listen"):
        async with web(listen="nowhere"):
            pass
