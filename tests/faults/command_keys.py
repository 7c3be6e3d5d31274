"""Keys of a centre in files, as a site file names them; a guard that takes every caller for an operator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edge.access.guard import Guard
from edge.access.roles import LOCAL_ROLES, Peer, Role


class OperatorJudge:
    """Every caller may do what a local program may, and command."""

    def identify(self, authentication: Mapping[str, list[bytes]], *, host: str) -> tuple[Peer, bytes]:
        """The caller, and no certificate."""
        return Peer(host, LOCAL_ROLES | {Role.OPERATOR}), b""

    def check(self, pem: bytes) -> Peer:
        """Nobody has a certificate."""
        raise AssertionError


def operator_guard() -> Guard:
    """For a centre whose nodes and operators are this test."""
    return Guard(OperatorJudge())


def write_public_key(key: Ed25519PrivateKey, path: Path) -> None:
    """What the node gets."""
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def write_private_key(key: Ed25519PrivateKey, path: Path) -> None:
    """What whoever commands keeps."""
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
