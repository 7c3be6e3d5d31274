"""Callers without certificates: other programs of this machine, where plaintext on loopback is configured."""

from __future__ import annotations

from collections.abc import Mapping

from edge.access.roles import LOCAL_ROLES, Peer


class LocalJudge:
    """Takes every caller for a local program."""

    def identify(self, authentication: Mapping[str, list[bytes]], *, host: str) -> tuple[Peer, bytes]:
        """The caller, and no certificate."""
        return Peer(host, LOCAL_ROLES), b""

    def check(self, pem: bytes) -> Peer:
        """Nobody has a certificate."""
        raise AssertionError
