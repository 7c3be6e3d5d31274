"""A client's gRPC channel with its certificate as the files hold it now."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from edge.access.tls_files import TlsFiles
from edge.core.errors import ConfigError, DeviceError


def open_channel(
    address: str, *, files: TlsFiles | None, options: Sequence[tuple[str, int | str]]
) -> grpc.aio.Channel:
    """Open a channel; without files: plaintext.

    Raises:
        DeviceError: the files cannot be used now.
    """
    if files is None:
        return grpc.aio.insecure_channel(address, options=options)
    from edge.access.certificates import load_material  # noqa: PLC0415 - only where there is TLS

    try:
        found = load_material(files)
    except ConfigError as error:
        raise DeviceError(f"TLS to {address}", str(error)) from error
    credentials = grpc.ssl_channel_credentials(found.authority_pem, found.key_pem, found.certificate_pem)
    return grpc.aio.secure_channel(address, credentials, options=options)
