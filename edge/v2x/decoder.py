"""Radio frames of one link to reports: framing, dialect and limits in one place."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.priority import PriorityRequest
from edge.core.v2x import RadioFrame, V2xReport
from edge.v2x import csae, etsi_cam, etsi_cpm_decode, etsi_vam, j2735
from edge.v2x.codec import flat_decoder, message_codec
from edge.v2x.etsi_elements import CAM, CPM, PROTOCOL_VERSION, SREM, VAM, VAM_PROTOCOL_VERSION
from edge.v2x.etsi_srem import decode_srem
from edge.v2x.fast_cam import cam_decoder
from edge.v2x.fast_report import Decode, Heard, bsm_decoder
from edge.v2x.frame import CSAE_DAY2, J2735_PSM, J2735_SDSM, J2735_SRM, OtherMessageError
from edge.v2x.framing import unwrap
from edge.v2x.ieee1609 import headers_parse
from edge.v2x.j2735_srm import decode_srm
from edge.v2x.security.gate import Gate


def _j2735(frame: LocalFrame, link: str) -> Decode:
    """BSM at speed, PSM, SDSM, and whatever else is refused by name."""

    def plain(payload: bytes, arrival_ns: int) -> Heard:
        if payload[:2] == J2735_SDSM.to_bytes(2, "big"):
            return j2735.decode_sdsm(payload, frame=frame, arrival_ns=arrival_ns)
        decode = j2735.decode_psm if payload[:2] == J2735_PSM.to_bytes(2, "big") else j2735.decode_bsm
        return decode(payload, frame=frame, link=link, arrival_ns=arrival_ns)

    flat = flat_decoder("j2735/BasicSafetyMessage")
    return bsm_decoder(flat, plain, frame=frame, link=link, dialect=j2735.DIALECT)


def _csae(variant: csae.Variant) -> Callable[[LocalFrame, str], Decode]:
    """BSM at speed, PSM, SSM, and whatever else is refused by name."""

    def build(frame: LocalFrame, link: str) -> Decode:
        def plain(payload: bytes, arrival_ns: int) -> Heard:
            if payload[:1] == bytes([CSAE_DAY2]):
                return second_day(payload, arrival_ns)
            return csae.decode_bsm(payload, frame=frame, link=link, arrival_ns=arrival_ns, variant=variant)

        def second_day(payload: bytes, arrival_ns: int) -> Heard:
            try:
                return csae.decode_psm(
                    payload, frame=frame, link=link, arrival_ns=arrival_ns, variant=variant
                )
            except OtherMessageError as error:
                if not error.message.endswith(" SSM"):
                    raise
                return csae.decode_ssm(payload, frame=frame, arrival_ns=arrival_ns, variant=variant)

        flat = flat_decoder(f"csae-{variant}/BasicSafetyMessage")
        return bsm_decoder(flat, plain, frame=frame, link=link, dialect=f"csae-53-{variant}")

    return build


def _etsi(frame: LocalFrame, link: str) -> Decode:
    """CAM at speed, VAM, CPM, and whatever else is refused by name."""

    def plain(payload: bytes, arrival_ns: int) -> Heard:
        if payload[1:2] == bytes([CPM]):
            return etsi_cpm_decode.decode_cpm(payload, frame=frame)
        decode = etsi_vam.decode_vam if payload[1:2] == bytes([VAM]) else etsi_cam.decode_cam
        return decode(payload, frame=frame, link=link, arrival_ns=arrival_ns)

    return cam_decoder(flat_decoder("etsi/CAM"), plain, frame=frame, link=link)


_DIALECTS: dict[str, Callable[[LocalFrame, str], Decode]] = {
    "j2735": _j2735,
    "csae-a": _csae("a"),
    "csae-b": _csae("b"),
    "etsi": _etsi,
}


class _Asking(NamedTuple):
    """Requests for priority of a dialect: the octets that tell one, where they stand, its codec, and who reads it."""

    octets: bytes
    start: int
    message: str
    decode: Callable[..., tuple[PriorityRequest, ...]]


_REQUESTS = {
    "j2735": _Asking(J2735_SRM.to_bytes(2, "big"), 0, "j2735/SignalRequestMessage", decode_srm),
    "etsi": _Asking(bytes([SREM]), 1, "etsi/SREM", decode_srem),
}
_SPOKEN = {"auto": ("j2735", "csae-a", "etsi")}
_ETSI_HEADERS = {bytes((PROTOCOL_VERSION, CAM)): "etsi/CAM", bytes((VAM_PROTOCOL_VERSION, VAM)): "etsi/VAM"}


class ReportDecoder:
    """Decodes what one link hears.

    Counters: searched (an `ieee1609` datagram whose headers do not parse, its message found by search).

    Attributes:
        on_requests: gets what an SRM or SREM asks for; None: such messages are as others that tell of no road user.

    Args:
        frame: local frame of the site.
        dialect: `j2735`, `csae-a`, `csae-b`, `etsi`, or `auto` to tell them apart by their octets. `auto` reads
            T/CSAE as variant A, and is for listening to a link of unknown make: where the dialect is known, say it.
        framing: as `edge.v2x.framing.unwrap`.
        gate: checks signatures before anything is decoded; None: nobody does.
    """

    def __init__(self, frame: LocalFrame, *, dialect: str, framing: str, gate: Gate | None = None) -> None:
        if dialect != "auto" and dialect not in _DIALECTS:
            raise ValueError(f"no dialect is called {dialect!r}: {', '.join(_DIALECTS)}, auto")
        self._frame, self._dialect, self._framing = frame, dialect, framing
        self._gate = gate
        self.on_requests: Callable[[tuple[PriorityRequest, ...]], None] | None = None
        self.counters: Counter[str] = Counter()
        self._direct: Decode = _nothing
        self._direct_link: str | None = None
        self._decoders: dict[str, dict[str, Decode]] = {name: {} for name in _DIALECTS}

    def prepare(self) -> None:
        """Load the codecs now, for the first frame would hold up its reader."""
        for dialect in _SPOKEN.get(self._dialect, (self._dialect,)):
            _DIALECTS[dialect](self._frame, "")
            if self.on_requests is not None and dialect in _REQUESTS:
                message_codec(_REQUESTS[dialect].message)

    def decode(self, radio_frame: RadioFrame) -> Heard:
        """One frame to a report, or to what a station perceives (SDSM, CPM, SSM).

        Raises:
            OtherMessageError: a sound frame that tells of no road user.
            UnverifiedError: a frame that the gate does not let in.
            CodecError: anything else that is not one whole report with a position.
        """
        payload, verified = radio_frame.payload, None
        if radio_frame.link == self._direct_link:
            try:
                return self._direct(payload, radio_frame.arrival_ns)
            except OtherMessageError:
                self._hear_requests(self._dialect, payload, verified, radio_frame.arrival_ns)
                raise
        if self._gate is not None:
            payload, verified = self._gate.open(payload, now_ns=radio_frame.arrival_ns)
        else:
            payload = self._unwrap(payload)
        dialect = _guess(payload) if self._dialect == "auto" else self._dialect
        decode = self._decoders[dialect].get(radio_frame.link) or self._build(dialect, radio_frame.link)
        try:
            heard = decode(payload, radio_frame.arrival_ns)
        except OtherMessageError:
            self._hear_requests(dialect, payload, verified, radio_frame.arrival_ns)
            raise
        if verified is None or not isinstance(heard, V2xReport):
            return heard
        return heard._replace(verified=verified)

    def _hear_requests(self, dialect: str, payload: bytes, verified: str | None, arrival_ns: int) -> None:
        """Hand over what an SRM or SREM asks for. Raises `CodecError` for one that is none."""
        known = _REQUESTS.get(dialect)
        if self.on_requests is None or known is None:
            return
        if not payload.startswith(known.octets, known.start):
            return
        requests = known.decode(payload, frame=self._frame, arrival_ns=arrival_ns)
        self.on_requests(tuple(dataclasses.replace(request, verified=verified) for request in requests))

    def _unwrap(self, datagram: bytes) -> bytes:
        """The message, and a note where only a search found it."""
        message = unwrap(datagram, self._framing)
        if self._framing == "ieee1609" and not headers_parse(datagram):
            self.counters["searched"] += 1
        return message

    def _build(self, dialect: str, link: str) -> Decode:
        """The decoder of a link, kept: links are those of the site, so they are few."""
        decode = _DIALECTS[dialect](self._frame, link)
        self._decoders[dialect][link] = decode
        if self._framing == "plain" and self._gate is None and self._dialect == dialect:
            self._direct, self._direct_link = decode, link
        return decode


def _nothing(payload: bytes, arrival_ns: int) -> Heard:
    """Stands for the decoder of a link before the first frame."""
    raise AssertionError


def _guess(payload: bytes) -> str:
    """J2735 message ids 18 to 41 start with a zero octet, which in T/CSAE is a BSM with count 0 and few options.

    The length that follows the id decides: it has to agree with the payload. The header of an ETSI message is a BSM of
    T/CSAE too, so the whole has to decode.
    """
    if len(payload) < 4:
        raise CodecError("BSM", "truncated", offset=len(payload))
    if payload[0] == 0 and 0x12 <= payload[1] <= 0x29:
        short, long = (
            payload[2] == len(payload) - 3,
            int.from_bytes(payload[2:4], "big") == 0x8000 | len(payload) - 4,
        )
        if short or long:
            return "j2735"
    key = _ETSI_HEADERS.get(payload[:2])
    return "etsi" if key is not None and _is_whole(key, payload) else "csae-a"


def _is_whole(key: str, payload: bytes) -> bool:
    try:
        message_codec(key).decode(payload)
    except CodecError:
        return False
    return True
