"""Signing and checking commands: Ed25519 over the payload as it travels, with a word in front that no other use has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from edge.core.errors import ConfigError
from edge.v1 import command_pb2

DOMAIN = b"edge.v1.Command\0"


def sign_command(command: command_pb2.Command, key: Ed25519PrivateKey) -> command_pb2.SignedCommand:
    """The command as it travels."""
    payload = command.SerializeToString()
    return command_pb2.SignedCommand(payload=payload, signature=key.sign(DOMAIN + payload))


def signer_of(signed: command_pb2.SignedCommand, keys: Iterable[Ed25519PublicKey]) -> str | None:
    """Name of the key that has signed, see `key_name`; None: none of them has."""
    for key in keys:
        try:
            key.verify(signed.signature, DOMAIN + signed.payload)
        except InvalidSignature:
            continue
        return key_name(key)
    return None


def key_name(key: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def load_public_keys(paths: Sequence[Path], *, what: str) -> tuple[Ed25519PublicKey, ...]:
    """PEM files of public keys. Raises `ConfigError` that names `what`."""
    found = []
    for path in paths:
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise _bad(what, path, str(error), "a public key") from error
        if not isinstance(key, Ed25519PublicKey):
            raise _bad(what, path, "it is of another kind", "a public key")
        found.append(key)
    return tuple(found)


def load_private_key(path: Path, *, what: str) -> Ed25519PrivateKey:
    """A PEM file of a private key without passphrase. Raises `ConfigError` that names `what`."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad(what, path, str(error), "a private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad(what, path, "it is of another kind", "a private key")
    return key


def _bad(what: str, path: Path, problem: str, wanted: str) -> ConfigError:
    remedy = f"give {wanted} of Ed25519 in PEM: openssl genpkey -algorithm ed25519, openssl pkey -pubout"
    return ConfigError(what, f"{path} cannot be used: {problem}", remedy=remedy)
