"""Chains of certificates: from a signer to an anchor, each link checked, and what is remembered is bounded."""

from __future__ import annotations

import dataclasses

import pytest

from edge.core.errors import CodecError
from edge.v2x.security.certificate import (
    Certificate,
    IssuePermission,
    Permission,
    PermissionRange,
    Signature,
)
from edge.v2x.security.certificate_codec import join_certificate
from edge.v2x.security.ecdsa import SigningKey, VerificationKey
from edge.v2x.security.pki import create_authority, create_root, issue_ticket, sign_certificate
from edge.v2x.security.signer import Credential
from edge.v2x.security.trust import TrustStore, UntrustedError
from tests.unit.v2x.security.authority import BSM_PSID, NOW_NS, PERMISSIONS, pki

BSM = Permission(BSM_PSID, b"\x01\x80")


def reason(store: TrustStore, *certificates: Certificate) -> str:
    with pytest.raises(UntrustedError) as caught:
        store.admit(certificates)
    return caught.value.reason


def reissued(credential: Credential, issuer: Credential, **changes: object) -> Credential:
    """The credential with another body, signed anew."""
    body = dataclasses.replace(credential.certificate.body, **changes)  # type: ignore[arg-type]
    return Credential(sign_certificate(body, issuer=issuer.certificate, key=issuer.key), credential.key)


def test_the_authority_may_be_trusted_listed_or_brought() -> None:
    ticket, authority, root = pki().tickets[0], pki().authority, pki().root
    listed = TrustStore([root.certificate, authority.certificate])
    alone = TrustStore([authority.certificate])
    brought = TrustStore([root.certificate])
    assert listed.admit((ticket.certificate,)).certificate == ticket.certificate
    assert alone.admit((ticket.certificate,)).certificate == ticket.certificate
    assert reason(brought, ticket.certificate) == "unknown_issuer"
    assert brought.admit((ticket.certificate, authority.certificate)).certificate == ticket.certificate


def test_an_authority_that_was_brought_once_is_remembered() -> None:
    store = TrustStore([pki().root.certificate])
    store.admit((pki().tickets[0].certificate, pki().authority.certificate))
    assert store.admit((pki().tickets[1].certificate,)).certificate == pki().tickets[1].certificate


def test_a_chain_is_valid_while_all_of_it_is() -> None:
    known = TrustStore(pki().anchors).admit((pki().tickets[0].certificate,))
    body = pki().tickets[0].certificate.body
    assert (known.start_s, known.end_s) == (body.start_s, body.end_s)


def test_a_root_that_did_not_sign_itself_is_no_anchor() -> None:
    root = pki().root.certificate
    forged = join_certificate(None, root.signed_octets, Signature(root.signature.s, root.signature.r))
    with pytest.raises(UntrustedError):
        TrustStore([forged])


def test_a_root_nobody_trusts_ends_no_chain() -> None:
    other = create_root(PERMISSIONS, now_ns=NOW_NS)
    ticket = issue_ticket(other, PERMISSIONS, now_ns=NOW_NS)
    assert reason(TrustStore(pki().anchors), ticket.certificate, other.certificate) == "unknown_issuer"


def test_a_certificate_that_its_issuer_did_not_sign() -> None:
    ticket = pki().tickets[0].certificate
    forged = join_certificate(ticket.issuer, ticket.signed_octets, pki().tickets[1].certificate.signature)
    assert reason(TrustStore(pki().anchors), forged) == "bad_certificate"


@pytest.mark.parametrize(
    "permissions",
    [
        (Permission(0x83),),
        (),
        (BSM, Permission(0x83)),
    ],
    ids=["foreign", "none", "one of two"],
)
def test_a_certificate_for_more_than_its_issuer_may_grant(permissions: tuple[Permission, ...]) -> None:
    ticket = issue_ticket(pki().authority, permissions, now_ns=NOW_NS)
    assert reason(TrustStore(pki().anchors), ticket.certificate) == "bad_certificate"


def test_an_authority_cannot_grant_what_its_root_may_not() -> None:
    root = create_root((BSM,), now_ns=NOW_NS)
    authority = create_authority(root, PERMISSIONS, now_ns=NOW_NS)
    ticket = issue_ticket(authority, PERMISSIONS, now_ns=NOW_NS)
    store = TrustStore([root.certificate])
    assert reason(store, ticket.certificate, authority.certificate) == "bad_certificate"


def test_a_certificate_that_outlives_its_issuer() -> None:
    ticket = issue_ticket(pki().authority, PERMISSIONS, now_ns=NOW_NS, duration=("years", 6))
    assert reason(TrustStore(pki().anchors), ticket.certificate) == "bad_certificate"


def test_a_ticket_issues_no_certificates() -> None:
    inner = issue_ticket(pki().tickets[0], PERMISSIONS, now_ns=NOW_NS)
    store = TrustStore(pki().anchors)
    assert reason(store, inner.certificate, pki().tickets[0].certificate) == "bad_certificate"


def test_an_authority_signs_no_messages() -> None:
    assert reason(TrustStore(pki().anchors), pki().authority.certificate) == "bad_certificate"


def test_chains_are_short() -> None:
    issuer, brought = pki().root, []
    for _ in range(4):
        issuer = create_authority(issuer, PERMISSIONS, now_ns=NOW_NS)
        brought.insert(0, issuer.certificate)
    ticket = issue_ticket(issuer, PERMISSIONS, now_ns=NOW_NS)
    assert reason(TrustStore([pki().root.certificate]), ticket.certificate, *brought) == "unknown_issuer"


@pytest.mark.parametrize(
    ("group", "depth", "covered"),
    [
        (IssuePermission(None), 1, True),
        (IssuePermission(None), 2, False),
        (IssuePermission(None, chain_range=1), 2, True),
        (IssuePermission(None, chain_range=1), 3, False),
        (IssuePermission(None, chain_range=-1), 9, True),
        (IssuePermission(None, min_chain=2), 1, False),
        (IssuePermission(None, end_entities=0x40), 1, False),
        (IssuePermission(()), 1, False),
    ],
)
def test_how_far_down_an_authority_may_grant(group: IssuePermission, depth: int, covered: bool) -> None:
    assert group.covers(BSM, depth=depth) is covered


@pytest.mark.parametrize(
    ("granted", "wanted", "covered"),
    [
        (PermissionRange(BSM_PSID, all=True), BSM, True),
        (PermissionRange(BSM_PSID, all=True), Permission(BSM_PSID), True),
        (PermissionRange(0x27, all=True), BSM, False),
        (PermissionRange(BSM_PSID), Permission(BSM_PSID), True),
        (PermissionRange(BSM_PSID), BSM, False),
        (PermissionRange(BSM_PSID, value=b"\x01\xff", mask=b"\xff\x00"), BSM, True),
        (PermissionRange(BSM_PSID, value=b"\x02\xff", mask=b"\xff\x00"), BSM, False),
        (PermissionRange(BSM_PSID, value=b"\x01\x00", mask=b"\xff\x80"), BSM, False),
        (PermissionRange(BSM_PSID, value=b"\x01", mask=b"\xff"), BSM, False),
        (PermissionRange(BSM_PSID, value=b"\x01\xff", mask=b"\xff\x00"), Permission(BSM_PSID), False),
        (PermissionRange(BSM_PSID, opaque=(b"\x01",)), Permission(BSM_PSID, b"\x01", bitmap=False), True),
        (PermissionRange(BSM_PSID, opaque=(b"\x01",)), Permission(BSM_PSID, b"\x02", bitmap=False), False),
        (PermissionRange(BSM_PSID, opaque=(b"\x01",)), Permission(BSM_PSID, b"\x01"), False),
        (PermissionRange(BSM_PSID, opaque=(b"",)), Permission(BSM_PSID), True),
        (PermissionRange(BSM_PSID, opaque=(b"\x01",)), Permission(BSM_PSID), False),
    ],
)
def test_what_an_authority_may_grant(granted: PermissionRange, wanted: Permission, covered: bool) -> None:
    assert granted.covers(wanted) is covered


def test_memory_of_signers_is_bounded_and_forgets_the_least_used() -> None:
    store = TrustStore(pki().anchors, signer_capacity=2)
    first, second = (ticket.certificate for ticket in pki().tickets)
    third = issue_ticket(pki().authority, PERMISSIONS, now_ns=NOW_NS).certificate
    store.admit((first,))
    store.admit((second,))
    assert store.known(first.digest) is not None
    store.admit((third,))
    assert len(store) == 2
    assert store.known(second.digest) is None
    assert store.known(first.digest) is not None


def test_memory_of_authorities_is_bounded() -> None:
    store = TrustStore([pki().root.certificate], signer_capacity=1, authority_capacity=2)
    for _ in range(4):
        authority = create_authority(pki().root, PERMISSIONS, now_ns=NOW_NS)
        ticket = issue_ticket(authority, PERMISSIONS, now_ns=NOW_NS)
        store.admit((ticket.certificate, authority.certificate))
    assert len(store) == 3


def test_a_key_off_the_curve_is_a_codec_error() -> None:
    off = next(x for x in range(1, 100) if not _on_curve(b"\x02" + x.to_bytes(32, "big")))
    point = b"\x02" + off.to_bytes(32, "big")
    ticket = reissued(pki().tickets[0], pki().authority, public_key=point)
    with pytest.raises(CodecError):
        TrustStore(pki().anchors).admit((ticket.certificate,))


def test_keys_come_back_from_their_text_and_others_are_refused() -> None:
    key = SigningKey()
    assert SigningKey(key.pem()).point() == key.point()
    with pytest.raises(CodecError, match="PEM"):
        SigningKey(b"no key")


def _on_curve(point: bytes) -> bool:
    try:
        VerificationKey(point)
    except CodecError:
        return False
    return True
