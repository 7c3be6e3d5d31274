"""Who is believed, and why not: every refusal has a reason, and nothing that was changed is ever verified."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.ports import Signer, Verifier
from edge.v2x.security.certificate import Permission, Signature
from edge.v2x.security.its_time import time64_of
from edge.v2x.security.message import (
    GenerationPlace,
    Header,
    Signed,
    decode_message,
    encode_signed,
    encode_unsecured,
    signing_hash,
    to_be_signed,
)
from edge.v2x.security.pki import create_pki, issue_ticket
from edge.v2x.security.region import Place, Region
from edge.v2x.security.signer import Credential, Ieee1609Signer
from edge.v2x.security.trust import TrustStore
from edge.v2x.security.verifier import MAX_AGE_NS, MAX_AHEAD_NS, Ieee1609Verifier
from tests.unit.v2x.security.authority import BSM_PSID, BSM_SSP, NOW_NS, PERMISSIONS, pki, signer, verifier

HERE = GenerationPlace(480_000_000, 110_000_000)


def signed_with(credential: Credential, header: Header, payload: bytes = b"said") -> bytes:
    """A message with a header that our signer would not write."""
    octets = to_be_signed(payload, header)
    digest = signing_hash(octets, signer_sha256=credential.certificate.sha256)
    return encode_signed(octets, signer=(credential.certificate,), signature=credential.key.sign(digest))


def refusal_of(octets: bytes, *, now_ns: int = NOW_NS) -> str | None:
    return verifier().verify(octets, now_ns=now_ns).refusal


def test_a_sound_message_says_who_when_and_what_for() -> None:
    author: Signer = signer()
    judge: Verifier = verifier()
    found = judge.verify(author.sign(b"said", kind="BSM", now_ns=NOW_NS), now_ns=NOW_NS + NS_PER_MS)
    assert (found.payload, found.refusal, found.verified_by) == (b"said", None, "node")
    assert (found.psid, found.ssp, found.generated_ns) == (BSM_PSID, BSM_SSP, NOW_NS)
    assert found.signer == pki().tickets[0].certificate.digest
    assert judge.counters == {"verified": 1}


def test_a_digest_is_believed_once_its_certificate_came() -> None:
    author, judge = signer(), verifier()
    first = author.sign(b"first", kind="BSM", now_ns=NOW_NS)
    second = author.sign(b"second", kind="BSM", now_ns=NOW_NS + 100 * NS_PER_MS)
    assert judge.verify(second, now_ns=NOW_NS).refusal == "unknown_signer"
    assert judge.verify(first, now_ns=NOW_NS).refusal is None
    assert judge.verify(second, now_ns=NOW_NS).refusal is None
    assert judge.counters == {"unknown_signer": 1, "verified": 2}


def test_unsigned_data_are_handed_on_and_not_verified() -> None:
    found = verifier().verify(encode_unsecured(b"bare"), now_ns=NOW_NS)
    assert (found.payload, found.refusal, found.verified_by) == (b"bare", "unsigned", None)


@pytest.mark.parametrize(
    ("delay_ns", "refusal"),
    [
        (MAX_AGE_NS, None),
        (MAX_AGE_NS + 1000, "too_old"),
        (-MAX_AHEAD_NS, None),
        (-MAX_AHEAD_NS - 1000, "too_early"),
    ],
)
def test_a_message_counts_for_a_short_time_only(delay_ns: int, refusal: str | None) -> None:
    octets = signer().sign(b"said", kind="SPAT", now_ns=NOW_NS)
    assert refusal_of(octets, now_ns=NOW_NS + delay_ns) == refusal


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        (Header(BSM_PSID), "no_time"),
        (Header(BSM_PSID, time64_of(NOW_NS), expiry_time=time64_of(NOW_NS)), "expired"),
        (Header(BSM_PSID, time64_of(NOW_NS), expiry_time=time64_of(NOW_NS) + 1), None),
        (Header(0x83, time64_of(NOW_NS)), "not_permitted"),
    ],
)
def test_what_the_header_says_is_checked(header: Header, refusal: str | None) -> None:
    assert refusal_of(signed_with(pki().tickets[0], header)) == refusal


def test_a_replayed_message_is_refused_until_its_age_refuses_it() -> None:
    judge, octets = verifier(), signer().sign(b"said", kind="SPAT", now_ns=NOW_NS)
    assert judge.verify(octets, now_ns=NOW_NS).refusal is None
    for delay_ns in (0, NS_PER_S, MAX_AGE_NS):
        assert judge.verify(octets, now_ns=NOW_NS + delay_ns).refusal == "replayed"
    assert judge.verify(octets, now_ns=NOW_NS + MAX_AGE_NS + 1000).refusal == "too_old"


def test_memory_of_what_was_heard_is_bounded_and_says_so() -> None:
    author, judge = signer(), verifier(replay_capacity=3)
    heard = [author.sign(bytes([n]), kind="SPAT", now_ns=NOW_NS + n) for n in range(5)]
    assert [judge.verify(octets, now_ns=NOW_NS).refusal for octets in heard] == [None] * 5
    assert judge.counters["replays_forgotten"] == 2
    assert judge.verify(heard[4], now_ns=NOW_NS).refusal == "replayed"


def test_a_message_signed_before_its_certificate_began_is_refused() -> None:
    late = issue_ticket(pki().authority, PERMISSIONS, now_ns=NOW_NS + 120 * NS_PER_S)
    octets = signed_with(late, Header(BSM_PSID, time64_of(NOW_NS)))
    assert refusal_of(octets) == "certificate_not_valid"


def test_an_expired_certificate_is_refused() -> None:
    short = issue_ticket(pki().authority, PERMISSIONS, now_ns=NOW_NS, duration=("seconds", 90))
    at_ns = NOW_NS + 31 * NS_PER_S
    assert (
        refusal_of(signed_with(short, Header(BSM_PSID, time64_of(at_ns))), now_ns=at_ns)
        == "certificate_not_valid"
    )


@pytest.mark.parametrize(
    ("place", "own", "refusal"),
    [
        (HERE, None, None),
        (GenerationPlace(HERE.latitude + 200_000, HERE.longitude), None, "wrong_place"),
        (None, None, None),
        (None, Place(HERE.latitude, HERE.longitude), None),
        (None, Place(0, 0), "wrong_place"),
        (GenerationPlace(900_000_001, 1_800_000_001), Place(0, 0), "wrong_place"),
    ],
)
def test_a_signer_confined_to_a_region(
    place: GenerationPlace | None, own: Place | None, refusal: str | None
) -> None:
    region = Region(circle=(Place(HERE.latitude, HERE.longitude), 1000))
    local = issue_ticket(pki().authority, PERMISSIONS, now_ns=NOW_NS, region=region)
    judge = Ieee1609Verifier(TrustStore(pki().anchors), place=own)
    octets = signed_with(local, Header(BSM_PSID, time64_of(NOW_NS), place=place))
    assert judge.verify(octets, now_ns=NOW_NS).refusal == refusal


def test_a_stranger_is_refused() -> None:
    stranger = create_pki(PERMISSIONS, now_ns=NOW_NS).tickets[0]
    octets = Ieee1609Signer(stranger, profile="ieee1609").sign(b"said", kind="BSM", now_ns=NOW_NS)
    assert refusal_of(octets) == "unknown_issuer"


def test_another_signature_under_a_known_certificate_is_refused() -> None:
    message = decode_message(signer().sign(b"said", kind="SPAT", now_ns=NOW_NS))
    assert isinstance(message, Signed)
    digest = signing_hash(message.signed_octets, signer_sha256=message.certificates[0].sha256)
    foreign = pki().tickets[1].key.sign(digest)
    octets = encode_signed(message.signed_octets, signer=message.certificates, signature=foreign)
    assert refusal_of(octets) == "bad_signature"


@pytest.mark.parametrize("number", [0, 2**256 - 1], ids=["zero", "beyond the order"])
def test_a_signature_out_of_range_is_refused(number: int) -> None:
    message = decode_message(signer().sign(b"said", kind="SPAT", now_ns=NOW_NS))
    assert isinstance(message, Signed)
    half = number.to_bytes(32, "big")
    for signature in (Signature(half, message.signature.s), Signature(message.signature.r, half)):
        octets = encode_signed(message.signed_octets, signer=message.certificates, signature=signature)
        assert refusal_of(octets) == "bad_signature"


def point_forms(octets: bytes) -> list[int]:
    """Where the octets stand that say how R is written: not signed, and without a meaning for what is."""
    message = decode_message(octets)
    assert isinstance(message, Signed)
    own = len(octets) - 65
    return [own, own - 66] if message.certificates else [own]


@pytest.mark.parametrize("known", [False, True], ids=["new signer", "known signer"])
@pytest.mark.parametrize(("profile", "kind"), [("ieee1609", "SPAT"), ("ieee1609", "BSM"), ("etsi", "DENM")])
def test_no_flipped_bit_is_ever_verified(profile: str, kind: str, known: bool) -> None:
    author, judge = signer(profile), verifier()
    first = author.sign(b"first", kind=kind, now_ns=NOW_NS)
    octets = author.sign(b"\x00\x14a message", kind=kind, now_ns=NOW_NS)
    forms = point_forms(octets)
    if known:
        judge.verify(first, now_ns=NOW_NS)
    for position in range(len(octets)):
        for bit in range(8):
            flipped = bytearray(octets)
            flipped[position] ^= 1 << bit
            if position in forms and flipped[position] in (0x82, 0x83):
                continue
            try:
                found = judge.verify(bytes(flipped), now_ns=NOW_NS)
            except CodecError:
                continue
            assert found.refusal is not None, f"bit {bit} of octet {position}"
    judge.verify(first, now_ns=NOW_NS)
    assert judge.verify(octets, now_ns=NOW_NS).refusal is None


def test_the_other_way_to_write_r_changes_nothing_that_was_signed() -> None:
    octets = signer().sign(b"said", kind="SPAT", now_ns=NOW_NS)
    judge = verifier()
    for position in point_forms(octets):
        flipped = bytearray(octets)
        flipped[position] ^= 2
        found = judge.verify(bytes(flipped), now_ns=NOW_NS)
        assert found.payload == b"said"
        assert found.refusal in (None, "replayed")


def test_a_truncated_message_is_a_codec_error() -> None:
    octets, judge = signer().sign(b"said", kind="SPAT", now_ns=NOW_NS), verifier()
    for length in range(len(octets)):
        with pytest.raises(CodecError):
            judge.verify(octets[:length], now_ns=NOW_NS)
    assert judge.counters == {"malformed": len(octets)}


@given(
    st.one_of(
        st.binary(max_size=120), st.binary(max_size=120).map(lambda tail: b"\x03\x81\x00\x40\x03\x80" + tail)
    )
)
def test_any_octets_are_refused_or_a_codec_error(octets: bytes) -> None:
    try:
        found = verifier().verify(octets, now_ns=NOW_NS)
    except CodecError:
        return
    assert found.refusal is not None


@given(st.data())
def test_a_sound_message_with_octets_exchanged_is_never_verified(data: st.DataObject) -> None:
    octets = signer().sign(b"\x00\x14a message", kind="SPAT", now_ns=NOW_NS)
    start = data.draw(st.integers(0, len(octets) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    changed = octets[:start] + patch + octets[start + len(patch) :]
    forms = point_forms(octets)
    same = len(changed) == len(octets) and all(
        a == b or i in forms for i, (a, b) in enumerate(zip(octets, changed, strict=True))
    )
    if same:
        return
    try:
        found = verifier().verify(changed, now_ns=NOW_NS)
    except CodecError:
        return
    assert found.refusal is not None


def test_what_is_signed_for_one_application_is_not_for_another() -> None:
    spat_only = issue_ticket(pki().authority, (Permission(0x82),), now_ns=NOW_NS)
    assert refusal_of(signed_with(spat_only, Header(BSM_PSID, time64_of(NOW_NS)))) == "not_permitted"
