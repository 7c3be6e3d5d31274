"""The page, the JSON interface and the event streams, over a source made by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edge.centre.events import Source, Streams, event, events
from edge.centre.web import STATIC, Web, split_address
from edge.core.errors import DeviceError
from edge.flow.channel import Latest
from tests.unit.centre.http_client import get, opened, read_event


class HandMade:
    """A source with one node `a` whose picture is a number."""

    def __init__(self) -> None:
        self.number: Latest[int] = Latest()
        self.reads = 0
        self.padding = ""

    def list_json(self) -> str:
        return json.dumps({"centre_ms": 1, "intersections": [{"id": "a"}]})

    def map_json(self, node_id: str) -> tuple[int, str] | None:
        return (1, json.dumps({"centre_ms": 1, "lanes": []})) if node_id == "a" else None

    def picture_json(self, node_id: str) -> str | None:
        self.reads += 1
        if node_id != "a":
            return None
        return json.dumps({"centre_ms": 1, "number": self.number.value, "padding": self.padding})

    async def wait(self, node_id: str | None, seen: int) -> int:
        await self.number.wait_newer(seen)
        return self.number.version


@asynccontextmanager
async def serving(source: Source) -> AsyncIterator[Web]:
    web = Web("127.0.0.1:0", source)
    async with asyncio.TaskGroup() as group:
        group.create_task(web.serve())
        try:
            yield web
        finally:
            await web.stop()


async def test_page_and_its_files_are_served_and_load_nothing_from_elsewhere() -> None:
    async with serving(HandMade()) as web:
        page = await get(web.port, "/")
        assert page.status == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        for file in STATIC.iterdir():
            answer = await get(web.port, f"/static/{file.name}")
            assert answer.status == 200, file.name
            outside = answer.body.replace(b"http://www.w3.org/2000/svg", b"")
            assert b"http://" not in outside, file.name
            assert b"https://" not in outside, file.name


async def test_interface_answers_json_and_names_an_unknown_node() -> None:
    source = HandMade()
    source.number.set(7)
    async with serving(source) as web:
        assert (await get(web.port, "/api/intersections")).json()["intersections"] == [{"id": "a"}]
        assert (await get(web.port, "/api/intersections/a")).json()["number"] == 7
        assert (await get(web.port, "/api/intersections/a/map")).json()["lanes"] == []
        unknown = await get(web.port, "/api/intersections/b")
        assert unknown.status == 404
        assert "'b'" in unknown.json()["detail"]
        assert (await get(web.port, "/healthz")).json()["status"] == "ok"


async def test_stream_begins_with_list_map_and_picture_and_follows_changes() -> None:
    source = HandMade()
    source.number.set(1)
    async with serving(source) as web, opened(web.port, "/events?id=a") as (status, headers, reader):
        assert status == 200
        assert headers["content-type"].startswith("text/event-stream")
        assert [(await read_event(reader))[0] for _ in range(3)] == ["list", "map", "picture"]
        source.number.set(2)
        name, data = await read_event(reader)
        assert (name, data["number"]) == ("picture", 2)


async def test_pictures_are_conflated_and_the_newest_wins() -> None:
    source, streams = HandMade(), Streams()
    source.number.set(0)
    parts = events(source, streams, node_id="a", now_s=asyncio.get_running_loop().time)
    assert [(await anext(parts)).split()[1] for _ in range(3)] == [b"list", b"map", b"picture"]
    for number in range(1, 1001):
        source.number.set(number)
    assert b'"number": 1000' in await anext(parts)
    assert source.reads == 2


async def test_a_browser_that_takes_nothing_makes_the_centre_hold_one_picture() -> None:
    source, streams = HandMade(), Streams()
    source.number.set(0)
    parts = events(source, streams, node_id="a", now_s=asyncio.get_running_loop().time)
    await anext(parts)
    for number in range(1, 10_001):
        source.number.set(number)
    assert source.reads == 0, "nothing is made before the browser takes it"


async def test_streams_are_limited_and_freed() -> None:
    source = HandMade()
    source.number.set(1)
    async with serving(source) as web:
        web.streams.limit = 1
        async with opened(web.port, "/events?id=a") as (status, _, reader):
            assert status == 200
            await read_event(reader)
            refused = await get(web.port, "/events")
            assert refused.status == 503
            assert refused.headers["retry-after"] == "5"
        async with asyncio.timeout(5):
            while web.streams.open:
                source.number.set(2)
                await asyncio.sleep(0.01)
        assert web.streams.refused == 1


async def test_stop_ends_open_streams() -> None:
    source = HandMade()
    async with serving(source) as web, opened(web.port, "/events?id=a") as (_, _, reader):
        await read_event(reader)
        await web.stop()
        rest = await asyncio.wait_for(reader.read(), 5)
        assert rest.endswith(b"0\r\n\r\n")


async def test_port_in_use_is_said_with_a_remedy() -> None:
    async with serving(HandMade()) as web:
        with pytest.raises(DeviceError, match="choose another port"):
            Web(f"127.0.0.1:{web.port}", HandMade())


@pytest.mark.parametrize("address", ["8080", "host:", "host:web", "host:70000"])
def test_unusable_address_is_refused(address: str) -> None:
    with pytest.raises(DeviceError, match="HOST:PORT"):
        split_address(address)


def test_event_has_the_form_of_the_standard() -> None:
    assert event("list", "{}") == b"event: list\ndata: {}\n\n"
