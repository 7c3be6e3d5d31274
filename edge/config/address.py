"""Network addresses as they stand in the site file: `host:port`, `[v6]:port` or `:port`."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator


def split_address(address: str) -> tuple[str, int]:
    """Split into host and port. Raises `ValueError` with the expected form."""
    host, separator, port = address.rpartition(":")
    if not separator or not (port.isascii() and port.isdigit() and len(port) <= 5) or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address: write host:port, e.g. 127.0.0.1:50051")
    host = host.strip("[]") or "0.0.0.0"  # noqa: S104 - ":port" means every interface
    if not _is_host(host):
        raise ValueError(f"{address!r} is not an address: {host!r} is no name of a host")
    return host, int(port)


def _is_host(host: str) -> bool:
    """Whether the resolver can be asked for it: no label is empty or too long, nothing that does not print."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return host.isprintable() and not any(letter.isspace() for letter in host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_target(address: str) -> str:
    host, port = split_address(address)
    if address.startswith(":") or port == 0:
        raise ValueError(f"{address!r} is nowhere to send to: write host:port, e.g. {host}:1883")
    return address


def _check(address: str) -> str:
    split_address(address)
    return address


Address = Annotated[str, AfterValidator(_check)]
"""To listen on."""
Target = Annotated[str, AfterValidator(_check_target)]
"""To send or connect to."""
