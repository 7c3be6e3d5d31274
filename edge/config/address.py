"""Network addresses as they stand in the site file: `host:port`, `[v6]:port` or `:port`."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Annotated
from urllib.parse import urlsplit

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


def is_own_host(header: str, *, listening: str, names: Collection[str] = ()) -> bool:
    """Whether a request's Host header can only mean this server: no name that somebody's DNS answers for.

    Without it, a page elsewhere could have its own name point at this machine (DNS rebinding) and read what it serves.

    Args:
        header: the header, with or without a port.
        listening: the host that the server listens on; off loopback, any address is taken for it.
        names: further names of this machine, lower case.
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    if is_loopback(name) or name in names:
        return True
    return not is_loopback(listening) and (name == listening or _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


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
