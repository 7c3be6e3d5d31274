"""What the NTCIP 1218 radio needs of SNMP: reads and writes with a time limit, and the words for what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from edge.core.errors import ConfigError

Auth = Literal["sha1", "sha256", "sha512"]
Privacy = Literal["aes128", "aes256-blumenthal", "aes256-reeder"]
Value = int | bytes
SHORTEST_SECRET = 8
"""RFC 3414, 11.2: a passphrase has eight octets at least."""


class SnmpRefused(Exception):  # noqa: N818 - an answer of the peer
    """The agent answered with an error status, e.g. `noCreation` (RFC 3416, 3)."""

    def __init__(self, status: str, name: str = "") -> None:
        self.status, self.name = status, name
        super().__init__(f"{status} for {name}" if name else status)


class SnmpDenied(Exception):  # noqa: N818 - an answer of the peer
    """The agent does not take our user, keys or time (RFC 3414, 3.2), or nothing can be sent to it."""


@dataclass(frozen=True, slots=True)
class SnmpUser:
    """A user of the user-based security model, always with authentication and privacy (RFC 3414).

    Attributes:
        name: user name.
        auth: HMAC-SHA-96 (RFC 3414), HMAC-192-SHA-256 or HMAC-384-SHA-512 (RFC 7860).
        auth_secret, privacy_secret: passphrases.
        privacy: AES-128 (RFC 3826), or AES-256 with the key made long enough after Blumenthal or after Reeder. The two
            are one where the digest of `auth` is 32 octets or longer (SHA-256, SHA-512).

    Raises:
        ConfigError: a passphrase is too short.
    """

    name: str
    auth: Auth
    auth_secret: str = field(repr=False)
    privacy: Privacy
    privacy_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for key, secret in (("auth_file", self.auth_secret), ("privacy_file", self.privacy_secret)):
            if len(secret.encode()) < SHORTEST_SECRET:
                raise ConfigError(key, f"its passphrase is shorter than {SHORTEST_SECRET} octets")


class SnmpLink(Protocol):
    """An SNMP session with one agent."""

    async def get(self, name: str, *, timeout_s: float) -> Value | None:
        """One object's value; None: the agent has no such object.

        Raises:
            TimeoutError: no answer.
            SnmpRefused, SnmpDenied: see there.
        """
        ...

    async def set(self, *values: tuple[str, Value], timeout_s: float) -> None:
        """Write all values in one PDU, sent once.

        Raises:
            TimeoutError: no answer; the agent may have done it.
            SnmpRefused, SnmpDenied: see there.
        """
        ...
