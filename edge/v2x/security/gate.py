"""What a link lets in: unwraps and checks signed messages before they are decoded.

A J2735 message behind IEEE 1609.3 headers, an Ieee1609Dot2Data as it is, or a secured GeoNetworking packet, of which
all but the basic header is signed (ETSI EN 302 636-4-1 clause 9.4). A message signed for another application than its
own is not verified: a certificate for parking information must not speak as an ambulance.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from edge.core.errors import CodecError
from edge.ports import Verification, Verifier
from edge.v2x.framing import MAX_DATAGRAM_BYTES, unwrap
from edge.v2x.geonetworking import BASIC_BYTES, parse_basic, parse_common, split_link
from edge.v2x.security.applications import Profile, application_of_message
from edge.v2x.security.message import find_message

Mode = Literal["mark", "require"]
SECURED = (b"\x03\x80", b"\x03\x81")
"""What unsecured and signed data begin with; no message of the sets here does."""
WRONG_APPLICATION = "wrong_application"
NOT_SECURED = "not_secured"


class UnverifiedError(CodecError):
    """A message is not let in, because nobody vouches for it.

    Args:
        reason: refusal of the verifier, `wrong_application` or `not_secured` (no IEEE 1609.2 around it).
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("IEEE 1609.2", f"not verified: {reason}")


class Gate:
    """Verifies what one link hears.

    Counters: verified, unverified_passed (mode `mark`), unverified_refused (mode `require`), and each reason.

    Args:
        verifier: checks signatures.
        mode: `require` refuses what is not verified, `mark` lets it in unmarked.
        framing: of the link, as `edge.v2x.framing.unwrap`; signed data stand where the message would.
        profile: whose applications the messages are.
    """

    def __init__(self, verifier: Verifier, *, mode: Mode, framing: str, profile: Profile) -> None:
        self._verifier, self._mode, self._framing = verifier, mode, framing
        self._profile: Profile = profile
        self.counters: Counter[str] = Counter()

    def open(self, datagram: bytes, *, now_ns: int) -> tuple[bytes, str | None]:
        """The message in a datagram, and who verified it; None: nobody.

        Raises:
            UnverifiedError: it is not verified and the mode is `require`.
            CodecError: there is no message in it.
        """
        found = self._check(datagram, now_ns=now_ns)
        verified_by: str | None = None
        refusal: str | None = NOT_SECURED
        if found is None:
            message = unwrap(datagram, self._framing)
        else:
            message, refusal, verified_by = self._message(datagram, found), found.refusal, found.verified_by
            if refusal is None and application_of_message(message, profile=self._profile) != found.psid:
                refusal = WRONG_APPLICATION
        if refusal is None:
            self.counters["verified"] += 1
            return message, verified_by
        self.counters[refusal] += 1
        if self._mode == "require":
            self.counters["unverified_refused"] += 1
            raise UnverifiedError(refusal)
        self.counters["unverified_passed"] += 1
        return message, None

    def _check(self, datagram: bytes, *, now_ns: int) -> Verification | None:
        """What the verifier says; None: no IEEE 1609.2 is in the datagram."""
        if len(datagram) > MAX_DATAGRAM_BYTES:
            raise CodecError("IEEE 1609.2", f"{len(datagram)} bytes are more than {MAX_DATAGRAM_BYTES}")
        if self._framing == "geonetworking":
            secured = _secured_part(datagram)
            return None if secured is None else self._verifier.verify(secured, now_ns=now_ns)
        headed = self._framing == "ieee1609"
        inner = datagram if headed else unwrap(datagram, self._framing)
        try:
            if headed and inner[:2] not in SECURED:
                inner = find_message(inner)
            return self._verifier.verify(inner, now_ns=now_ns) if inner[:2] in SECURED else None
        except CodecError:
            return None

    def _message(self, datagram: bytes, found: Verification) -> bytes:
        """The message in what was signed. Raises `CodecError`."""
        if self._framing != "geonetworking":
            return found.payload
        basic = parse_basic(datagram, start=split_link(datagram))
        return parse_common(found.payload, basic=basic).payload


def _secured_part(datagram: bytes) -> bytes | None:
    """What follows the basic header of a secured packet; None of another packet. Raises `CodecError`."""
    start = split_link(datagram)
    return datagram[start + BASIC_BYTES :] if parse_basic(datagram, start=start).secured else None
