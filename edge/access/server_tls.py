"""TLS of a gRPC server whose certificates change while it runs."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import grpc

from edge.access.keeper import Keeper


def server_credentials(keeper: Keeper, counters: Counter[str]) -> grpc.ServerCredentials:
    """Credentials that ask the keeper at every handshake; open connections keep what they have.

    Args:
        counters: gets `handshakes`, those that began.
    """
    handshakes = itertools.count(1)
    given = keeper.generation

    def fetch() -> Any:
        """Called by gRPC's own threads; None: as before."""
        nonlocal given
        counters["handshakes"] = next(handshakes)
        generation = keeper.generation
        if generation == given:
            return None
        given = generation
        return _configuration(keeper)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(keeper), fetch, require_client_authentication=True
    )


def _configuration(keeper: Keeper) -> Any:
    found = keeper.material
    pair = (found.key_pem, found.certificate_pem)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=found.authority_pem)
