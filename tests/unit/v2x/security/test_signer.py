"""What is signed how: header fields of each profile, and when the certificate goes along."""

from __future__ import annotations

import pytest

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x.security.applications import application_of_kind, application_of_message, psid_of_p_encoding
from edge.v2x.security.certificate import Permission
from edge.v2x.security.message import GenerationPlace, Signed, decode_message
from edge.v2x.security.pki import issue_ticket
from edge.v2x.security.signer import Credential, Ieee1609Signer
from tests.unit.v2x.security.authority import NOW_NS, PERMISSIONS, pki, signer, verifier

HERE = GenerationPlace(480_000_000, 110_000_000, 512.3)
DAY_S = 86_400


def said(octets: bytes) -> Signed:
    message = decode_message(octets)
    assert isinstance(message, Signed)
    return message


def brings(author: Ieee1609Signer, kind: str, at_ns: int) -> bool:
    return bool(said(author.sign(b"said", kind=kind, now_ns=at_ns)).certificates)


@pytest.mark.parametrize(("profile", "kind"), [("ieee1609", "BSM"), ("etsi", "CAM")])
def test_a_frequent_message_brings_its_certificate_once_a_second(profile: str, kind: str) -> None:
    author = signer(profile)
    brought = [brings(author, kind, NOW_NS + n * 100 * NS_PER_MS) for n in range(21)]
    assert [n for n, found in enumerate(brought) if found] == [0, 10, 20]


def test_a_clock_that_was_set_back_brings_the_certificate() -> None:
    author = signer()
    assert brings(author, "BSM", NOW_NS)
    assert brings(author, "BSM", NOW_NS - NS_PER_S)


@pytest.mark.parametrize(("profile", "kind"), [("ieee1609", "SPAT"), ("ieee1609", "MAP"), ("etsi", "DENM")])
def test_other_messages_always_bring_their_certificate(profile: str, kind: str) -> None:
    author = signer(profile)
    assert all(brings(author, kind, NOW_NS + n) for n in range(3))


@pytest.mark.parametrize(
    ("profile", "kind", "place"),
    [("etsi", "DENM", HERE), ("etsi", "CAM", None), ("ieee1609", "SPAT", None)],
)
def test_only_events_of_etsi_say_where_they_were_made(
    profile: str, kind: str, place: GenerationPlace | None
) -> None:
    author = Ieee1609Signer(pki().tickets[0], profile="etsi" if profile == "etsi" else "ieee1609", place=HERE)
    header = said(author.sign(b"said", kind=kind, now_ns=NOW_NS)).header
    assert header.place == place
    assert header.generation_time is not None
    assert header.expiry_time is None


@pytest.mark.parametrize("kind", ["TIM", "SRM", "nonsense"])
def test_a_kind_that_the_certificate_is_not_for_is_not_signed(kind: str) -> None:
    with pytest.raises(CodecError):
        signer().sign(b"said", kind=kind, now_ns=NOW_NS)


@pytest.mark.parametrize(
    ("shift_s", "problem"), [(-61, "not valid yet"), (7 * DAY_S - 60, "expired")], ids=["before", "after"]
)
def test_nothing_is_signed_outside_of_the_certificate_s_time(shift_s: int, problem: str) -> None:
    with pytest.raises(CodecError, match=problem):
        signer().sign(b"said", kind="BSM", now_ns=NOW_NS + shift_s * NS_PER_S)


def test_a_key_of_another_certificate_is_refused() -> None:
    one, other = pki().tickets
    with pytest.raises(CodecError, match="not that of the certificate"):
        Ieee1609Signer(Credential(one.certificate, other.key), profile="ieee1609")


def test_neighbours_ask_each_other_for_certificates() -> None:
    author, neighbour = signer("etsi"), signer("etsi", ticket=1)
    author.sign(b"first", kind="CAM", now_ns=NOW_NS)
    neighbour.sign(b"first", kind="CAM", now_ns=NOW_NS)
    with_digest = author.sign(b"second", kind="CAM", now_ns=NOW_NS + 1000)
    judge = verifier()
    neighbour.heard(judge.verify(with_digest, now_ns=NOW_NS))
    neighbour.heard(judge.verify(with_digest, now_ns=NOW_NS))
    asking = neighbour.sign(b"asking", kind="CAM", now_ns=NOW_NS + 2000)
    assert said(asking).header.inline_requests == (author.certificate.digest[-3:],)
    assert said(asking).certificates == (neighbour.certificate,)
    author.heard(judge.verify(asking, now_ns=NOW_NS))
    answer = author.sign(b"third", kind="CAM", now_ns=NOW_NS + 3000)
    assert said(answer).certificates == (author.certificate,)
    assert judge.verify(answer, now_ns=NOW_NS).refusal is None
    after = said(neighbour.sign(b"after", kind="CAM", now_ns=NOW_NS + 4000))
    assert (after.header.inline_requests, after.certificates) == ((), ())


def test_requests_for_certificates_are_bounded() -> None:
    author, judge = signer("etsi"), verifier()
    for number in range(12):
        stranger = issue_ticket(pki().authority, PERMISSIONS, now_ns=NOW_NS)
        other = Ieee1609Signer(stranger, profile="etsi")
        other.sign(b"", kind="CAM", now_ns=NOW_NS)
        author.heard(judge.verify(other.sign(bytes([number]), kind="CAM", now_ns=NOW_NS), now_ns=NOW_NS))
    assert len(said(author.sign(b"said", kind="CAM", now_ns=NOW_NS)).header.inline_requests) == 8


@pytest.mark.parametrize(
    ("encoded", "psid"),
    [(0x20, 0x20), (0x8000, 0x80), (0x8002, 0x82), (0xC00000, 0x4080), (0xE0000016, 0x204096)],
)
def test_p_encoded_identifiers(encoded: int, psid: int) -> None:
    assert psid_of_p_encoding(encoded) == psid


@pytest.mark.parametrize("encoded", [-1, 0x80, 0x7FFF, 0xC000, 0xF0000000])
def test_what_is_no_p_encoding_is_refused(encoded: int) -> None:
    with pytest.raises(ValueError, match="p-encoded"):
        psid_of_p_encoding(encoded)


def test_applications_by_kind_and_by_content() -> None:
    assert application_of_kind("MAP", profile="ieee1609") == 0x82
    assert application_of_kind("MAP", profile="etsi") == 138
    assert application_of_message(b"\x00\x14\x03", profile="ieee1609") == 0x20
    assert application_of_message(b"\x02\x02\x00", profile="etsi") == 36
    for message in (b"", b"\x00", b"\x7f\xff"):
        assert application_of_message(message, profile="ieee1609") is None


def test_permissions_reach_the_reader_as_they_are_in_the_certificate() -> None:
    ticket = issue_ticket(pki().authority, (Permission(0x20, b"\x01\x40"),), now_ns=NOW_NS)
    octets = Ieee1609Signer(ticket, profile="ieee1609").sign(b"said", kind="BSM", now_ns=NOW_NS)
    assert verifier().verify(octets, now_ns=NOW_NS).ssp == b"\x01\x40"
