"""SNMPv3 through pysnmp 7. Imported only where a radio is configured that needs it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_SHA,
    USM_AUTH_HMAC192_SHA256,
    USM_AUTH_HMAC384_SHA512,
    USM_PRIV_CFB128_AES,
    USM_PRIV_CFB256_AES,
    USM_PRIV_CFB256_AES_BLUMENTHAL,
    ContextData,
    SnmpEngine,
    Udp6TransportTarget,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    set_cmd,
)
from pysnmp.proto.errind import RequestTimedOut
from pysnmp.proto.rfc1902 import Integer32, ObjectName, OctetString
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject, UnSpecified

from hw.rsu.ntcip1218_link import SnmpDenied, SnmpRefused, SnmpUser, Value

AUTH_PROTOCOLS = {
    "sha1": USM_AUTH_HMAC96_SHA,
    "sha256": USM_AUTH_HMAC192_SHA256,
    "sha512": USM_AUTH_HMAC384_SHA512,
}
PRIVACY_PROTOCOLS = {
    "aes128": USM_PRIV_CFB128_AES,
    "aes256-blumenthal": USM_PRIV_CFB256_AES_BLUMENTHAL,
    "aes256-reeder": USM_PRIV_CFB256_AES,
}
_ENGINE_TIMEOUT_S = 2.0
"""After it the engine forgets a request; we wait less for its answer."""
_ABSENT = (NoSuchObject, NoSuchInstance, EndOfMibView, UnSpecified)


def usm_user(user: SnmpUser) -> UsmUserData:
    """The user in pysnmp's words."""
    return UsmUserData(
        user.name,
        user.auth_secret,
        user.privacy_secret,
        authProtocol=AUTH_PROTOCOLS[user.auth],
        privProtocol=PRIVACY_PROTOCOLS[user.privacy],
    )


class PysnmpLink:
    """`SnmpLink` in the event loop that opened it. The loop's end is its end."""

    def __init__(self, engine: SnmpEngine, user: UsmUserData, target: Any) -> None:
        self._engine, self._user, self._target = engine, user, target
        self._context = ContextData()

    @classmethod
    async def open(cls, host: str, port: int, *, user: SnmpUser) -> PysnmpLink:
        """Load the engine, which blocks for long. Raises `SnmpDenied` when the host has no address."""
        kind = await _transport_of(host, port)
        engine = SnmpEngine()
        try:
            target = await kind.create((host, port), timeout=_ENGINE_TIMEOUT_S, retries=0)
        except (PySnmpError, OSError) as error:
            raise SnmpDenied(f"cannot send to {host}:{port}: {error}") from error
        return cls(engine, usm_user(user), target)

    async def close(self) -> None:
        """Close the socket and the engine's timer."""
        self._engine.close_dispatcher()

    async def get(self, name: str, *, timeout_s: float) -> Value | None:
        """See `SnmpLink`."""
        values = await self._request(get_cmd, (ObjectName(name), None), timeout_s=timeout_s)
        return _plain(values[0][1]) if values else None

    async def set(self, *values: tuple[str, Value], timeout_s: float) -> None:
        """See `SnmpLink`."""
        await self._request(
            set_cmd, *((ObjectName(name), _typed(value)) for name, value in values), timeout_s=timeout_s
        )

    async def _request(self, command: Any, *bindings: tuple[Any, Any], timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                trouble, status, index, values = await command(
                    self._engine, self._user, self._target, self._context, *bindings, lookupMib=False
                )
        except TimeoutError:  # an OSError too
            raise
        except (PySnmpError, OSError) as error:
            raise SnmpDenied(str(error)) from error
        if isinstance(trouble, RequestTimedOut):
            raise TimeoutError
        if trouble:
            raise SnmpDenied(str(trouble))
        if status:
            at = int(index) - 1
            raise SnmpRefused(status.prettyPrint(), str(bindings[at][0]) if 0 <= at < len(bindings) else "")
        return values


async def _transport_of(host: str, port: int) -> Any:
    """IPv4 or IPv6, whichever the host's first address is."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise SnmpDenied(f"cannot send to {host}:{port}: {error.strerror or error}") from error
    return Udp6TransportTarget if found[0][0] == socket.AF_INET6 else UdpTransportTarget


def _typed(value: Value) -> Any:
    return Integer32(value) if isinstance(value, int) else OctetString(value)


def _plain(value: Any) -> Value | None:
    if isinstance(value, _ABSENT):
        return None
    if isinstance(value, OctetString):
        return bytes(value)
    try:
        return int(value)
    except (TypeError, ValueError):
        return str(value).encode()
