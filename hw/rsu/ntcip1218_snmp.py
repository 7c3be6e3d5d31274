"""The SNMPv3 session of a radio, in a thread of its own: the engine loads and computes for long on small boards."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from edge.core.errors import ConfigError, DeviceError
from hw.rsu.ntcip1218_link import SnmpDenied, SnmpLink, SnmpUser, Value

if TYPE_CHECKING:
    from hw.rsu.ntcip1218_pysnmp import PysnmpLink

T = TypeVar("T")
OPEN_TIMEOUT_S = 30.0
"""Loading the engine takes half a second on a PC, several on a small board."""
CLOSE_TIMEOUT_S = 5.0


def require_pysnmp() -> None:
    """Refuse a configuration that needs what is not installed. Raises `ConfigError`."""
    if importlib.util.find_spec("pysnmp") is None:
        raise ConfigError(
            "rsu.type",
            "ntcip1218 needs the package pysnmp",
            remedy="install the extra: roadside-edge[snmpv3]",
        )


@contextlib.asynccontextmanager
async def snmp_v3(host: str, port: int, *, user: SnmpUser, device: str) -> AsyncIterator[SnmpLink]:
    """A session with one agent. Raises `DeviceError` when it cannot even be addressed."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"{device} snmp", daemon=True)
    thread.start()
    try:
        inner = await _opened(loop, _open(host, port, user), device=device)
        try:
            yield _ThreadLink(loop, inner)
        finally:
            await _in(loop, inner.close())
    finally:
        await _stop(loop, thread)


async def _opened(
    loop: asyncio.AbstractEventLoop, opening: Coroutine[Any, Any, PysnmpLink], *, device: str
) -> PysnmpLink:
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            return await _in(loop, opening)
    except TimeoutError as error:
        raise DeviceError(device, f"the SNMP engine did not start within {OPEN_TIMEOUT_S:.0f} s") from error
    except SnmpDenied as error:
        raise DeviceError(device, f"SNMP: {error}") from error


async def _open(host: str, port: int, user: SnmpUser) -> PysnmpLink:
    from hw.rsu.ntcip1218_pysnmp import PysnmpLink  # noqa: PLC0415 - heavy, and in this thread only

    return await PysnmpLink.open(host, port, user=user)


class _ThreadLink:
    """`SnmpLink` that hands every request over to the thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inner: PysnmpLink) -> None:
        self._loop, self._inner = loop, inner

    async def get(self, name: str, *, timeout_s: float) -> Value | None:
        return await _in(self._loop, self._inner.get(name, timeout_s=timeout_s))

    async def set(self, *values: tuple[str, Value], timeout_s: float) -> None:
        await _in(self._loop, self._inner.set(*values, timeout_s=timeout_s))


async def _in(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine in another loop; cancelled with us."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


async def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await _in(loop, _wind_down())
    loop.call_soon_threadsafe(loop.stop)
    await asyncio.to_thread(thread.join, CLOSE_TIMEOUT_S)
    if not thread.is_alive():
        loop.close()


async def _wind_down() -> None:
    """End every task of the thread: requests that nobody waits for, and the engine's own timer."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
