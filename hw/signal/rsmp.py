"""RSMP 3.2 on the wire: JSON messages that end with a form feed, their envelope, and the ones that a supervisor sends.

Source: RSMP core specification 3.2.2, "Wrapping of packets" and "Basic structure".
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal.rsmp_lamps import lamp_of

Message = dict[str, Any]
DEFAULT_PORT = 12111
FORM_FEED = 0x0C
MESSAGE_LIMIT = 256 * 1024
"""Octets of one message; the largest that a controller sends are lists of plans, some 10 kB."""
ACKNOWLEDGEMENTS = frozenset({"MessageAck", "MessageNotAck"})
TYPES = ACKNOWLEDGEMENTS | {
    "Version",
    "Watchdog",
    "AggregatedStatus",
    "AggregatedStatusRequest",
    "Alarm",
    "CommandRequest",
    "CommandResponse",
    "StatusRequest",
    "StatusResponse",
    "StatusSubscribe",
    "StatusUnsubscribe",
    "StatusUpdate",
}
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


class FormFeedReader:
    """Cuts a stream into messages. Bounded: what is too long is skipped up to its form feed.

    Attributes:
        oversize: messages that were skipped.
    """

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self._limit, self._rest, self._skipping = limit, bytearray(), False
        self.oversize = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that these octets complete; empty ones (form feeds in a row) are none."""
        *whole, rest = data.split(bytes((FORM_FEED,)))
        found: list[bytes] = []
        for part in whole:
            self._add(part)
            if self._rest and not self._skipping:
                found.append(bytes(self._rest))
            self._rest.clear()
            self._skipping = False
        self._add(rest)
        return found

    @property
    def waiting(self) -> int:
        """Octets of the message that is not complete yet."""
        return len(self._rest)

    def _add(self, part: bytes) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(part) > self._limit:
            self.oversize += 1
            self._skipping = True
            self._rest.clear()
            return
        self._rest += part


def parse_message(frame: bytes) -> Message:
    """One message without its form feed.

    Raises:
        CodecError: `utf8`, `json`, or no RSMP message (`content`): the first word of the problem says which.
    """
    try:
        text = frame.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CodecError("RSMP", f"utf8: {error.reason}", offset=error.start) from None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError("RSMP", f"json: {error}") from None
    if not isinstance(message, dict) or message.get("mType") != "rSMsg":
        raise CodecError("RSMP", "content: mType is not rSMsg")
    kind = message.get("type")
    key = "oMId" if kind in ("MessageAck", "MessageNotAck") else "mId"
    if not isinstance(kind, str) or not isinstance(message.get(key), str):
        raise CodecError("RSMP", f"content: no type or no {key}")
    if not _ID.fullmatch(message[key]):
        raise CodecError("RSMP", f"content: {key} is no UUID")
    return message


def encode_message(message: Message) -> bytes:
    """The octets of a message with its form feed; half a surrogate pair, which JSON can carry, becomes `?`."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\f"


def timestamp(at_ns: int) -> str:
    """UTC ns as RSMP writes it: three decimals and Z."""
    seconds, rest = divmod(at_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}.{rest // NS_PER_MS:03d}Z"


def parse_timestamp(value: object) -> int:
    """RSMP's time as UTC ns. Raises `CodecError`."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise CodecError("RSMP", f"content: {str(value)[:40]!r} is no timestamp")
    try:
        seconds = datetime.fromisoformat(value[:19] + "+00:00").timestamp()
    except ValueError:
        raise CodecError("RSMP", f"content: {value!r} is no timestamp") from None
    fraction = value[20:-1].ljust(9, "0") or "0"
    return int(seconds) * NS_PER_S + int(fraction)


def new_id() -> str:
    """A message id: UUID version 4."""
    return str(uuid.uuid4())


def version(*, core: Sequence[str], sxl: str, site_ids: Iterable[str]) -> Message:
    """Which versions of core and SXL we speak, and with which site."""
    return _message(
        "Version",
        RSMP=[{"vers": entry} for entry in core],
        siteId=[{"sId": site} for site in site_ids],
        SXL=sxl,
    )


def acknowledge(message: Message) -> Message:
    """That a message was understood."""
    return {"mType": "rSMsg", "type": "MessageAck", "oMId": message["mId"]}


def refuse(message: Message, reason: str) -> Message:
    """That a message was not understood, and why."""
    return {"mType": "rSMsg", "type": "MessageNotAck", "oMId": message["mId"], "rea": reason}


def watchdog(now_ns: int) -> Message:
    """The heartbeat, which also tells our time."""
    return _message("Watchdog", wTs=timestamp(now_ns))


def subscribe(component: str, status: str, names: Iterable[str]) -> Message:
    """Ask for every change of some values of one status of a component."""
    wanted = [{"sCI": status, "n": name, "uRt": "0", "sOc": True} for name in names]
    return _message("StatusSubscribe", ntsOId="", xNId="", cId=component, sS=wanted)


def request(component: str, status: str, names: Iterable[str]) -> Message:
    """Ask for some values of one status of a component now."""
    wanted = [{"sCI": status, "n": name} for name in names]
    return _message("StatusRequest", ntsOId="", xNId="", cId=component, sS=wanted)


def _message(kind: str, **fields: object) -> Message:
    return {"mType": "rSMsg", "type": kind, "mId": new_id(), **fields}


def decode_frames(data: bytes) -> Iterator[dict[str, object]]:
    """Every message of a recorded stream, for people: the message, and the lamps where it tells them.

    What does not decode comes as `{"error": ...}`; nothing is raised.
    """
    reader = FormFeedReader()
    for frame in reader.feed(data + b"\f"):
        try:
            message = parse_message(frame)
        except CodecError as error:
            yield {"error": str(error)}
            continue
        lamps = _lamps_of(message)
        yield {"message": message} | ({"groups": lamps} if lamps else {})
    if reader.oversize:
        yield {"error": f"RSMP: {reader.oversize} messages longer than {MESSAGE_LIMIT} octets"}


def _lamps_of(message: Message) -> list[dict[str, object]]:
    entries = message.get("sS")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("sCI") == "S0001" and entry.get("n") == "signalgroupstatus":
            letters = str(entry.get("s") or "")
            return [
                {"number": number, "status": letter, "lamp": lamp_of(letter).name.lower()}
                for number, letter in enumerate(letters, start=1)
                if letter != "-"
            ]
    return []
