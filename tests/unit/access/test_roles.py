"""Identities in certificates, the table of methods, and limits per peer."""

from __future__ import annotations

import pytest

from edge.access.limits import AccessLimits, PeerLimiter
from edge.access.refusal import RefusedCallError
from edge.access.roles import Identity, Peer, Role, read_identities, read_identity
from edge.access.table import AUDITED, METHODS
from edge.v1 import centre_pb2, node_pb2


def test_identity_is_read_as_it_is_written() -> None:
    identity = Identity(Role.VEHICLE, "bus-17")
    assert str(identity) == "edge://vehicle/bus-17"
    assert read_identity(str(identity)) == identity
    assert read_identity("https://example.org/vehicle") is None


@pytest.mark.parametrize(
    "uri",
    [
        "edge://driver/bus-17",
        "edge://vehicle/",
        "edge://vehicle",
        "edge://vehicle/BUS",
        "edge://vehicle/a/b",
        "edge://vehicle/" + "a" * 65,
        "edge://vehicle/bus-17\n",
        "edge:///bus-17",
    ],
)
def test_wrong_identity_gives_no_role(uri: str) -> None:
    with pytest.raises(ValueError, match="is not edge://ROLE/NAME"):
        read_identity(uri)
    assert read_identities([uri, "edge://observer/desk"]) == (Identity(Role.OBSERVER, "desk"),)


def test_name_is_bound_to_its_role_where_there_is_a_certificate() -> None:
    both = (Identity(Role.RSU, "crossing-1"), Identity(Role.OBSERVER, "desk"))
    peer = Peer("h", frozenset({Role.RSU, Role.OBSERVER}), both, fingerprint="ab")
    assert peer.is_named(Role.RSU, "crossing-1")
    assert not peer.is_named(Role.RSU, "desk")
    assert Peer("h", frozenset({Role.RSU})).is_named(Role.RSU, "any")


def test_every_method_of_our_services_has_a_row() -> None:
    offered = {
        f"/{service.full_name}/{method.name}"
        for file in (node_pb2.DESCRIPTOR, centre_pb2.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    }
    assert offered <= set(METHODS)
    assert set(METHODS) >= AUDITED


def test_each_peer_has_its_own_limit_and_the_longest_silent_one_is_forgotten() -> None:
    limiter = PeerLimiter(AccessLimits(calls_per_s=1.0, burst=1, peers=2))
    for peer in ("a", "b"):
        limiter.admit(peer, now_s=0.0)
        with pytest.raises(RefusedCallError, match="1 calls per second"):
            limiter.admit(peer, now_s=0.0)
    limiter.admit("c", now_s=0.0)
    limiter.admit("a", now_s=0.0)


def test_time_that_goes_back_gives_no_calls() -> None:
    limiter = PeerLimiter(AccessLimits(calls_per_s=1.0, burst=1))
    limiter.admit("a", now_s=10.0)
    with pytest.raises(RefusedCallError):
        limiter.admit("a", now_s=0.0)
