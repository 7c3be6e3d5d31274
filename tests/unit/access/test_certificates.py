"""Certificates and lists that are odd, spoilt or half written: refused in words, never by an accident."""

from __future__ import annotations

import base64
import dataclasses
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from edge.access.certificates import Trust, load_material
from edge.access.judge import Judge
from edge.access.keeper import Keeper
from edge.access.refusal import RefusedCallError
from edge.access.roles import Role
from edge.core.errors import ConfigError
from edge.flow.board import HealthBoard
from tests.certificates import Authority

KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
SOME = 20
"""Octets from one place where a file is cut off to the next."""


def with_names(content: bytes) -> tuple[bytes, Trust]:
    """A certificate whose alternative names are these octets, and who trusts it."""
    now = datetime.now(UTC)
    names = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, content)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(KEY.public_key())
        .serial_number(5)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .sign(KEY, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), Trust((certificate,))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x30\x04\xa3\x02\x30\x00", "unreadable"),
        (b"\x30\x06\xa5\x04\xa1\x02\x0c\x00", "unreadable"),
        (b"\xff\xff", "unreadable"),
        (b"\x30\x05\x87\x03abc", "unreadable"),
        (b"\x30\x00", "no_role"),
        (b"\x30\x06\x86\x04\xc3\xa9\xc3\xa9", "no_role"),
        (b"\x30\x17\x86\x15edge://operator/ab\x00cd", "no_role"),
    ],
    ids=["X.400", "EDI party", "garbage", "half an address", "none", "no ASCII", "a zero in the name"],
)
def test_alternative_names_that_are_odd_give_no_role(content: bytes, kind: str) -> None:
    pem, trust = with_names(content)
    with pytest.raises(RefusedCallError) as refused:
        Judge(lambda: trust).check(pem)
    assert refused.value.kind == kind


def spoilt(pem: bytes) -> list[bytes]:
    """The same with other octets inside, and cut off."""
    found = re.search(rb"-----BEGIN ([^-]+)-----\n(.*?)-----END", pem, re.DOTALL)
    assert found is not None
    label, der = found[1], base64.b64decode(found[2])
    contents = [der[:length] for length in range(0, len(der), SOME)]
    contents += [
        der[:place] + bytes([der[place] ^ change]) + der[place + 1 :]
        for place in range(len(der))
        for change in (0x01, 0x80)
    ]
    return [
        b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, base64.encodebytes(content), label)
        for content in contents
    ]


@pytest.mark.parametrize("name", ["certificate", "key", "authority", "revoked"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_spoilt_file_is_a_wrong_setting_or_one_that_can_be_used(name: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    authority.issue("bus-17", Role.VEHICLE)
    authority.revoke("bus-17")
    files, refused = authority.files, 0
    path = getattr(files, name)
    good = path.read_bytes()
    for content in spoilt(good):
        path.write_bytes(content)
        try:
            Keeper(files, board=HealthBoard(now_ns=lambda: 1))
        except ConfigError:
            refused += 1
    assert refused > 50
    path.write_bytes(good)
    load_material(files)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_spoilt_certificate_of_a_peer_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    pem = (authority.issue("bus-17", Role.VEHICLE) / "certificate.pem").read_bytes()
    trust = load_material(authority.files).trust
    judge = Judge(lambda: trust)
    good = judge.check(pem)
    assert good.roles == {Role.VEHICLE}
    refusals = set()
    for content in spoilt(pem):
        try:
            peer = judge.check(content)
        except RefusedCallError as refusal:
            refusals.add(refusal.kind)
        else:
            # Unused bits at the end of a signature may be counted in two ways; everything it says is the same.
            assert dataclasses.replace(peer, fingerprint=good.fingerprint) == good
    assert refusals == {"unreadable", "foreign"}
