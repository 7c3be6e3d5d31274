"""Network addresses as they stand in the site file: `host:port`, `[v6]:port` or `:port`."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator


def split_address(address: str) -> tuple[str, int]:
    """Split into host and port. Raises `ValueError` with the expected form."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address: write host:port, e.g. 127.0.0.1:50051")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - ":port" means every interface


def is_loopback(host: str) -> bool:
    """Whether a host is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(address: str) -> str:
    split_address(address)
    return address


Address = Annotated[str, AfterValidator(_check)]
