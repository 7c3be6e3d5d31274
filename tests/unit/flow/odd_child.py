"""A child process that misbehaves: `python -m tests.unit.flow.odd_child WAY`."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable

from edge.flow.link import Kind


def message(kind: Kind, payload: bytes = b"x") -> bytes:
    """One frame of the link, as its docstring says."""
    return struct.pack("<3sBB3xI", b"EDL", 1, kind, len(payload)) + payload


def deaf(link: socket.socket) -> None:
    """Breaks the link, reads nothing, and does not end when asked."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    link.sendall(b"x" * 64)
    time.sleep(600)


def closes_one_half(link: socket.socket) -> None:
    """Speaks, but does not listen any more."""
    link.sendall(message(Kind.SCENE))
    link.shutdown(socket.SHUT_RD)
    time.sleep(600)


def stops(link: socket.socket) -> None:
    """Works once, and is stopped."""
    link.sendall(message(Kind.SCENE))
    os.kill(os.getpid(), signal.SIGSTOP)


def works(link: socket.socket) -> None:
    """Does all that is asked of a child."""
    link.sendall(message(Kind.SCENE))
    while link.recv(65536):
        pass


def half_a_message(link: socket.socket) -> None:
    """Ends in the middle of a word."""
    link.sendall(message(Kind.SCENE)[:-1])


WAYS: dict[str, Callable[[socket.socket], None]] = {
    way.__name__: way for way in (deaf, closes_one_half, stops, works, half_a_message)
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](socket.socket(fileno=int(os.environ["EDGE_LINK_FD"])))
