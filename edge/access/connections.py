"""Network peers of gRPC calls: their hosts, and the end of a connection that reads nothing."""

from __future__ import annotations

import os
import socket
import struct
from urllib.parse import unquote

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: what was not sent yet is thrown away."""


def peer_host(peer: str) -> str:
    """The host of a gRPC peer name such as `ipv4:192.0.2.1:5000` or `ipv6:%5B::1%5D:5000`; one place, one peer."""
    kind, _, rest = peer.partition(":")
    return rest.rpartition(":")[0] if kind in ("ipv4", "ipv6") else peer


def cut_connection(peer: str) -> int:
    """Close the TCP connections of a gRPC peer name at once; returns how many there were.

    gRPC's Python server cannot end a call whose peer reads nothing: the status waits behind data that never goes out.
    Linux only: the process finds its own socket by the address at its other end.
    """
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return 0
    host, _, port = rest.rpartition(":")
    address = unquote(host).strip("[]"), int(port)
    return sum(_cut(int(number), address) for number in os.listdir("/proc/self/fd"))


def _cut(number: int, address: tuple[str, int]) -> bool:
    try:
        connection = socket.socket(fileno=os.dup(number))
    except OSError:
        return False  # closed meanwhile, or no socket
    with connection:
        if connection.family not in _FAMILIES:
            return False
        try:
            host, port = connection.getpeername()[:2]
            if (host.removeprefix("::ffff:"), port) != address:
                return False
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False  # it listens, or was lost meanwhile
    return True
