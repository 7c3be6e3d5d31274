"""The client's own certificate and whom it trusts, from files that may be replaced while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc

from edge.sdk.errors import CredentialsError


@dataclass(frozen=True, slots=True)
class Credentials:
    """Paths of PEM files.

    Attributes:
        authority: certificates that the node's is checked with.
        certificate: own certificate.
        key: its private key.
        server_name: name in the node's certificate, where it is not the host of the address; empty: it is.
    """

    authority: Path
    certificate: Path
    key: Path
    server_name: str = ""

    @classmethod
    def from_folder(cls, folder: str | Path, *, server_name: str = "") -> Self:
        """From a folder with `ca.pem`, `certificate.pem` and `key.pem`, as `edge certs issue` makes it."""
        at = Path(folder)
        return cls(at / "ca.pem", at / "certificate.pem", at / "key.pem", server_name)

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Contents of authority, key and certificate.

        Raises:
            CredentialsError: a file cannot be read.
        """
        try:
            return self.authority.read_bytes(), self.key.read_bytes(), self.certificate.read_bytes()
        except OSError as error:
            raise CredentialsError(str(error.filename), error.strerror or str(error)) from error

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Channel options that go with them."""
        return (("grpc.ssl_target_name_override", self.server_name),) if self.server_name else ()


def channel_credentials(content: tuple[bytes, bytes, bytes]) -> grpc.ChannelCredentials:
    """gRPC's credentials of `Credentials.read`."""
    return grpc.ssl_channel_credentials(*content)
