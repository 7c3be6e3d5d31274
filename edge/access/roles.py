"""Roles, and who a peer is by its certificate.

A role stands in the certificate as a subject alternative name of type URI, `edge://ROLE/NAME`, for instance
`edge://vehicle/bus-17`. A certificate may hold several; one without any is nobody.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

SCHEME = "edge://"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Role(enum.StrEnum):
    """What a peer is to the node or the centre."""

    VEHICLE = "vehicle"
    RSU = "rsu"
    CENTRE = "centre"
    OPERATOR = "operator"
    OBSERVER = "observer"


EVERYBODY = frozenset(Role)
LOCAL_ROLES = frozenset({Role.VEHICLE, Role.RSU, Role.OBSERVER})
"""What a program on this machine is without a certificate, where plaintext is configured: it commands nothing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One role under one name."""

    role: Role
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.role}/{self.name}"


def read_identity(uri: str) -> Identity | None:
    """The identity that a URI stands for; None for a URI of others.

    Raises:
        ValueError: it is of our scheme, and no role or name.
    """
    if not uri.startswith(SCHEME):
        return None
    role, _, name = uri.removeprefix(SCHEME).partition("/")
    if role not in tuple(Role) or not _NAME.fullmatch(name):
        raise ValueError(
            f"{uri!r} is not {SCHEME}ROLE/NAME: ROLE is {', '.join(Role)}; NAME has a-z, 0-9, dot, - and _, at most 64"
        )
    return Identity(Role(role), name)


def read_identities(uris: Iterable[str]) -> tuple[Identity, ...]:
    """Every identity among some URIs; those that are of our scheme and wrong give no role."""
    found = []
    for uri in uris:
        try:
            identity = read_identity(uri)
        except ValueError:
            continue
        if identity is not None:
            found.append(identity)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who calls.

    Attributes:
        host: network address, without port.
        roles: what it may be taken for.
        identities: roles with their names; empty without certificate.
        fingerprint: SHA-256 of the certificate, hexadecimal; empty without.
        issuer, serial: of the certificate.
        begins_ns, expires_ns: its validity, UTC ns; None without.
    """

    host: str
    roles: frozenset[Role]
    identities: tuple[Identity, ...] = ()
    fingerprint: str = ""
    issuer: bytes = field(default=b"", repr=False)
    serial: int = 0
    begins_ns: int | None = None
    expires_ns: int | None = None

    @property
    def key(self) -> str:
        """Who limits count for: the certificate where there is one, else the host."""
        return self.fingerprint or self.host

    @property
    def certified(self) -> bool:
        """Whether a certificate says who it is."""
        return bool(self.fingerprint)

    def is_named(self, role: Role, name: str) -> bool:
        """Whether it may speak as `name` in a role; without certificates nobody's name is checked."""
        return Identity(role, name) in self.identities if self.certified else role in self.roles


current_peer: ContextVar[Peer | None] = ContextVar("current_peer", default=None)
"""The peer of the call that the running task serves."""
