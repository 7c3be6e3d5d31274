"""What we write pycrate reads field by field, and what it writes we read."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from pycrate_asn1dir.ITS_IEEE1609_2 import Ieee1609Dot2

from edge.v2x.security.certificate import PointForm, Signature, ToBeSigned
from edge.v2x.security.certificate_codec import decode_certificate, join_certificate, write_body
from edge.v2x.security.message import (
    Header,
    Signed,
    Unsecured,
    decode_message,
    encode_signed,
    encode_unsecured,
    to_be_signed,
)
from tests.unit.v2x.security.authority import NOW_NS, pki, signer
from tests.unit.v2x.security.strategies import bodies, body_value, header_value, headers

SIGNATURE = Signature(bytes(range(32)), bytes(range(32, 64)))
SIGNATURE_VALUE = ("ecdsaNistP256Signature", {"rSig": ("x-only", SIGNATURE.r), "sSig": SIGNATURE.s})
ISSUER = b"issuer42"


def theirs(kind: Any, octets: bytes) -> Any:
    kind.from_coer(octets)
    value = copy.deepcopy(kind.get_val())  # writing takes defaults out of the value
    assert kind.to_coer() == octets
    return value


def written_by_them(kind: Any, value: Any) -> bytes:
    kind.set_val(copy.deepcopy(value))
    octets: bytes = kind.to_coer()
    return octets


@given(bodies)
@settings(max_examples=60)
def test_certificates_field_by_field(body: ToBeSigned) -> None:
    certificate = join_certificate(ISSUER, write_body(body), SIGNATURE)
    assert certificate.body == body
    value = theirs(Ieee1609Dot2.Certificate, certificate.encoded)
    assert value == {
        "version": 3,
        "type": "explicit",
        "issuer": ("sha256AndDigest", ISSUER),
        "toBeSigned": body_value(body),
        "signature": SIGNATURE_VALUE,
    }
    assert decode_certificate(written_by_them(Ieee1609Dot2.Certificate, value)) == certificate


@given(headers)
@settings(max_examples=60)
def test_messages_field_by_field(header: Header) -> None:
    octets = encode_signed(to_be_signed(b"payload", header), signer=ISSUER, signature=SIGNATURE)
    value = theirs(Ieee1609Dot2.Ieee1609Dot2Data, octets)
    inner = {"protocolVersion": 3, "content": ("unsecuredData", b"payload")}
    assert value["content"][1] == {
        "hashId": "sha256",
        "tbsData": {"payload": {"data": inner}, "headerInfo": header_value(header)},
        "signer": ("digest", ISSUER),
        "signature": SIGNATURE_VALUE,
    }
    found = decode_message(written_by_them(Ieee1609Dot2.Ieee1609Dot2Data, value))
    assert isinstance(found, Signed)
    assert (found.header, found.payload, found.signer, found.signature) == (
        header,
        b"payload",
        ISSUER,
        SIGNATURE,
    )


@pytest.mark.parametrize("form", ["compressed-y-0", "compressed-y-1"])
def test_a_signature_whose_point_is_compressed(form: str) -> None:
    octets = encode_signed(to_be_signed(b"payload", Header(36)), signer=ISSUER, signature=SIGNATURE)
    value = theirs(Ieee1609Dot2.Ieee1609Dot2Data, octets)
    value["content"][1]["signature"][1]["rSig"] = (form, SIGNATURE.r)
    found = decode_message(written_by_them(Ieee1609Dot2.Ieee1609Dot2Data, value))
    assert isinstance(found, Signed)
    assert found.signature.form is PointForm[form.upper().replace("-", "_")]


@pytest.mark.parametrize(
    "id_value",
    [
        ("binaryId", b"\x01\x02"),
        ("linkageData", {"iCert": 5, "linkage-value": b"123456789"}),
        (
            "linkageData",
            {
                "iCert": 5,
                "linkage-value": b"123456789",
                "group-linkage-value": {"jValue": b"1234", "value": b"123456789"},
            },
        ),
    ],
)
def test_other_identifiers_and_an_encryption_key_are_read_past(id_value: tuple[str, Any]) -> None:
    certificate = pki().tickets[0].certificate
    value = theirs(Ieee1609Dot2.Certificate, certificate.encoded)
    value["toBeSigned"]["id"] = id_value
    key = ("eciesNistP256", ("compressed-y-1", bytes(32)))
    value["toBeSigned"]["encryptionKey"] = {"supportedSymmAlg": "aes128Ccm", "publicKey": key}
    found = decode_certificate(written_by_them(Ieee1609Dot2.Certificate, value))
    assert found.body.app_permissions == certificate.body.app_permissions
    assert write_body(found.body) == found.signed_octets


def test_a_region_of_countries_is_kept_as_it_came() -> None:
    value = theirs(Ieee1609Dot2.Certificate, pki().tickets[0].certificate.encoded)
    value["toBeSigned"]["region"] = (
        "identifiedRegion",
        [
            ("countryOnly", 276),
            ("countryAndRegions", {"countryOnly": 250, "regions": [1, 2]}),
            (
                "countryAndSubregions",
                {"country": 40, "regionAndSubregions": [{"region": 3, "subregions": [4, 500]}]},
            ),
        ],
    )
    found = decode_certificate(written_by_them(Ieee1609Dot2.Certificate, value))
    assert found.body.region is not None
    assert found.body.region.identified is not None
    assert write_body(found.body) == found.signed_octets


@pytest.mark.parametrize(("profile", "kind"), [("ieee1609", "BSM"), ("ieee1609", "SPAT"), ("etsi", "CAM")])
def test_signed_messages_of_each_profile(profile: str, kind: str) -> None:
    author = signer(profile)
    for _ in range(2):
        value = theirs(Ieee1609Dot2.Ieee1609Dot2Data, author.sign(b"said", kind=kind, now_ns=NOW_NS))
        signed = value["content"][1]
        assert signed["tbsData"]["payload"]["data"]["content"] == ("unsecuredData", b"said")
        assert set(signed["tbsData"]["headerInfo"]) == {"psid", "generationTime"}


def test_unsecured_data() -> None:
    octets = encode_unsecured(b"bare")
    assert theirs(Ieee1609Dot2.Ieee1609Dot2Data, octets)["content"] == ("unsecuredData", b"bare")
    assert decode_message(octets) == Unsecured(b"bare")
