"""Broken frames: bits flipped, ends cut, pieces of two frames joined."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.v2x import RadioFrame
from edge.v2x import csae, etsi, j2735
from edge.v2x.codec import message_codec, messages
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import OtherMessageError
from edge.v2x.framing import FRAMINGS, build_immediate_forward, immediate_forward, wrap_hisense
from edge.v2x.geonetworking import PositionVector, build_shb
from edge.v2x.jer import to_json
from edge.v2x.whole import SETS, decode_message, encode_message, recognise
from tests.unit.v2x.values import random_value

LINK_DIALECTS = ("j2735", "csae-a", "csae-b", "etsi", "auto")
FRAME = LocalFrame(40.25, -111.65)
NOW_NS = 1_800_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads octets from outside, and sound octets for it."""

    name: str
    read: Callable[[bytes], Any]
    frames: list[bytes]


def bodies(key: str, *, count: int) -> list[bytes]:
    """Random messages of one kind."""
    found: list[bytes] = []
    seed = 0
    while len(found) < count:
        seed += 1
        try:
            found.append(
                message_codec(key).encode(random_value(key, seed, optional=(0.1, 0.4, 0.8)[seed % 3]))
            )
        except CodecError as error:
            if "more than" not in str(error):
                raise
    return found


def recorded_frames(data: Path) -> list[bytes]:
    """Frames of other people; none where the data is absent."""
    found: list[bytes] = []
    for name in ("j2735_messageframes", "csae_etsi"):
        file = data / "v2x" / f"{name}.json"
        entries = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
        found += [bytes.fromhex(entry[key]) for entry in entries for key in ("hex", "uper") if entry.get(key)]
    return found


def mutated(frames: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Broken frames without end."""
    while True:
        frame = bytearray(chance.choice(frames))
        kind = chance.randrange(4)
        if kind == 0 or not frame:
            frame += chance.randbytes(chance.randint(1, 8))
        elif kind == 1:
            for _ in range(chance.choice((1, 1, 2, 4, 16))):
                frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del frame[chance.randrange(len(frame)) :]
        else:
            other = chance.choice(frames)
            cut = chance.randrange(len(frame))
            frame[cut:] = other[chance.randrange(len(other) + 1) :]
        yield bytes(frame)


def targets(recorded: list[bytes], *, per_message: int = 4) -> list[Target]:
    """Every codec, every set, and every dialect of a link with every framing."""
    made = {key: bodies(key, count=per_message) for key in messages()}
    whole = [
        encode_message(key, message_codec(key).decode(body)) for key, found in made.items() for body in found
    ] + recorded
    found = [Target(key, functools.partial(_body, key), frames) for key, frames in made.items()]
    found += [Target(f"set {name}", functools.partial(_decode, name), whole) for name in SETS]
    found.append(Target("recognise", recognise, whole))
    for dialect in LINK_DIALECTS:
        for framing in FRAMINGS:
            decoder = ReportDecoder(FRAME, dialect=dialect, framing=framing)
            wrapped = [_framed(octets, framing) for octets in whole]
            found.append(Target(f"link {dialect} {framing}", functools.partial(_report, decoder), wrapped))
    return found + dialect_targets(whole)


def dialect_targets(whole: list[bytes]) -> list[Target]:
    """Every decoder from octets to core values, on frames of its own message."""
    arguments = {"frame": FRAME, "link": "fuzz", "arrival_ns": NOW_NS, "sender": "192.0.2.1"}
    found: list[Target] = []
    for dialect, variants in ((j2735, ("",)), (csae, ("a", "b")), (etsi, ("",))):
        decoders = {name: made for name, made in vars(dialect).items() if name.startswith("decode_")}
        for (name, decode), variant in itertools.product(decoders.items(), variants):
            known = arguments | {"variant": variant}
            wanted = {key: known[key] for key in inspect.signature(decode).parameters.keys() & known.keys()}
            read = functools.partial(decode, **wanted)
            frames = [octets for octets in whole if _is_its_own(read, octets)]
            assert frames, name
            found.append(Target(f"{dialect.__name__} {name} {variant}", read, frames))
    return found


def _is_its_own(read: Callable[[bytes], Any], octets: bytes) -> bool:
    """Whether a decoder takes a frame, or refuses it for what it says and not for what it is."""
    try:
        read(octets)
    except OtherMessageError:
        return False
    except CodecError as error:
        return "does not decode" not in str(error) and "follow" not in str(error)
    return True


def _framed(octets: bytes, framing: str) -> bytes:
    if framing == "rsu41":
        return build_immediate_forward(immediate_forward(octets, kind="BSM", signature=False))
    if framing == "hisense":
        return wrap_hisense(octets, sender="u_id_123", now_ns=NOW_NS)
    if framing == "geonetworking":
        source = PositionVector(address=1 << 63, timestamp_ms=0, latitude=0, longitude=0)
        return build_shb(octets, port=2001, source=source)
    return b"\x03\x80" + octets if framing == "ieee1609" else octets


def _decode(message_set: str, octets: bytes) -> Any:
    return decode_message(octets, message_set=message_set)


def _report(decoder: ReportDecoder, octets: bytes) -> Any:
    return decoder.decode(RadioFrame("fuzz", NOW_NS, "192.0.2.1", octets))


def _body(key: str, octets: bytes) -> Any:
    """A body without its frame, and everything that tools do with what comes out."""
    codec = message_codec(key)
    value = codec.decode(octets)
    codec.encode(value)
    return to_json(key, value, units=True)
