"""Radio frames of one link to reports: framing, dialect and limits in one place."""

from __future__ import annotations

from collections.abc import Callable

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.v2x import RadioFrame, V2xReport
from edge.v2x import csae, j2735
from edge.v2x.codec import message_codec
from edge.v2x.framing import unwrap

_Decode = Callable[..., V2xReport]


def _csae_a(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    return csae.decode_bsm(payload, frame=frame, link=link, arrival_ns=arrival_ns, variant="a")


def _csae_b(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    return csae.decode_bsm(payload, frame=frame, link=link, arrival_ns=arrival_ns, variant="b")


_DECODERS: dict[str, _Decode] = {"j2735": j2735.decode_bsm, "csae-a": _csae_a, "csae-b": _csae_b}
_SPOKEN = {"auto": ("j2735", "csae-a")}


class ReportDecoder:
    """Decodes what one link hears.

    Args:
        frame: local frame of the site.
        dialect: `j2735`, `csae-a`, `csae-b`, or `auto` to tell them apart by the first octets. `auto` reads T/CSAE as
            variant A, and is for listening to a link of unknown make: where the dialect is known, say it.
        framing: as `edge.v2x.framing.unwrap`.
    """

    def __init__(self, frame: LocalFrame, *, dialect: str, framing: str) -> None:
        if dialect != "auto" and dialect not in _DECODERS:
            raise ValueError(f"no dialect is called {dialect!r}: {', '.join(_DECODERS)}, auto")
        self._frame, self._dialect, self._framing = frame, dialect, framing

    def prepare(self) -> None:
        """Compile the schema now: it takes most of a second, for which the first frame would hold up its reader."""
        for dialect in _SPOKEN.get(self._dialect, (self._dialect,)):
            message_codec(f"{dialect}/BasicSafetyMessage")

    def decode(self, radio_frame: RadioFrame) -> V2xReport:
        """One frame to a report.

        Raises:
            OtherMessageError: a sound frame that is no BSM.
            CodecError: anything else that is not one whole BSM with a position.
        """
        payload = unwrap(radio_frame.payload, self._framing)
        decode = _DECODERS[_guess(payload) if self._dialect == "auto" else self._dialect]
        return decode(payload, frame=self._frame, link=radio_frame.link, arrival_ns=radio_frame.arrival_ns)


def _guess(payload: bytes) -> str:
    """J2735 message ids 18 to 41 start with a zero octet, which in T/CSAE is a BSM with count 0 and few options.

    The length that follows the id decides: it has to agree with the payload.
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
    return "csae-a"
