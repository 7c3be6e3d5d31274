"""The V2X codecs against asn1tools and pycrate: `python tests/bench/bench_codec.py`. The last line is one JSON object.

All three run in one process on the same schema and the same octets, taking turns; times are CPU time of the thread, the
median of the repeats. Frames are recorded ones; what nobody published (RSM, CPM) our dialects make: 16 participants, 10
objects. Frames that asn1tools cannot decode (bit strings beyond their root size) are left out. Definitions:
  *_decode_x      asn1tools' time over ours, octets of a body to its value. Open types that we decode (Part II, CPM
                  containers) are decoded by asn1tools too.
  *_encode_x      likewise, the value to octets; ours checks every range
  *_report_x      octets of a whole message to the core report: asn1tools' decoding and our dialect's report of its
                  value, over the flat decoder of a link
  *_checked_x     as the line above, with asn1tools checking ranges too, as ours does
  *_pycrate_x     pycrate's time over ours; its values are in its own form, open types left as octets
  bsm_reports_per_s   whole BSMs to reports, one core
  codec_import_s      importing every codec of the slowest set in a fresh process, byte code on disk; without asn1tools
  codec_import_all_s  likewise of T/CSAE (both variants), J2735 and ETSI together
  codec_import_source_s  likewise of the slowest set, with no byte code on disk
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.v2x import RadioFrame, V2xReport
from edge.v2x import csae, etsi, etsi_cam, j2735_bsm
from edge.v2x.codec import message_codec
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import split_j2735
from tests.unit.v2x.oracles import asn1tools_for, opens_of, pycrate_for, root_of

FRAME = LocalFrame(40.25, -111.65)
NOW_NS = 1_800_000_000_000_000_000
TARGETS = {
    "bsm_report_x": 20.0,
    "cam_report_x": 15.0,
    "bsm_decode_x": 8.0,
    "spat_decode_x": 6.0,
    "map_decode_x": 5.0,
    "rsm16_decode_x": 5.0,
    "cpm10_decode_x": 6.0,
    "sdsm_decode_x": 5.0,
    "spat_encode_x": 5.0,
    "rsm16_encode_x": 5.0,
}
IMPORT_TARGETS = {"codec_import_s": 0.15, "codec_import_all_s": 0.35}
Work = Callable[[Any], Any]


@dataclass(slots=True)
class Race:
    """Ours against others on the same items.

    Attributes:
        name: of the figure, without its ending.
        items: what each of them gets.
        ours: the product.
        others: by the ending of their figure.
        times: seconds of CPU per round and runner.
    """

    name: str
    items: list[Any]
    ours: Work
    others: dict[str, Work]
    times: dict[str, list[float]] = field(default_factory=dict)

    def round(self, seconds: float) -> None:
        """Each runner once, in turns, for about as long."""
        for ending, work in (("", self.ours), *self.others.items()):
            count = max(1, int(seconds / max(_spent(work, self.items, 1), 1e-6)))
            self.times.setdefault(ending, []).append(_spent(work, self.items, count) / count)

    def figures(self) -> dict[str, float]:
        ours = self.times[""]
        found: dict[str, float] = {}
        for ending in self.others:
            ratios = [theirs / own for theirs, own in zip(self.times[ending], ours, strict=True)]
            found[f"{self.name}_{ending}"] = round(statistics.median(ratios), 1)
        return found


def _spent(work: Work, items: list[Any], count: int) -> float:
    start = time.thread_time()
    for _ in range(count):
        for item in items:
            work(item)
    return time.thread_time() - start


class Asn1tools:
    """asn1tools on one message, with the open types that we decode."""

    def __init__(self, key: str, *, checked: bool = False) -> None:
        self._made, self._root, self._opens = asn1tools_for(key), root_of(key), opens_of(key)
        self._checked = checked

    def decode(self, octets: bytes) -> Any:
        value = self._made.decode(self._root, octets, check_constraints=self._checked)
        for part in value.get("partII", ()):
            part["partII-Value"] = self._inner("PartIIcontent", part["partII-Id"], part["partII-Value"])
        for wrapped in _containers(value):
            name = "WrappedCpmContainer"
            wrapped["containerData"] = self._inner(name, wrapped["containerId"], wrapped["containerData"])
        return value

    def _inner(self, sequence: str, number: int, octets: bytes) -> Any:
        name = self._opens[sequence].get(str(number))
        return octets if name is None else self._made.decode(name, octets, check_constraints=self._checked)

    def encode(self, value: Any) -> bytes:
        return bytes(self._made.encode(self._root, value))


def _containers(value: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = value.get("payload", {}).get("cpmContainers", [])
    return found


def _pycrate_decode(key: str) -> Work:
    made = pycrate_for(key)[root_of(key)]

    def decode(octets: bytes) -> Any:
        made.from_uper(octets)
        return made.get_val()

    return decode


def bodies(data: Path, kind: str, key: str) -> list[bytes]:
    """Recorded bodies that asn1tools decodes too."""
    entries = json.loads((data / "v2x" / "j2735_messageframes.json").read_text(encoding="utf-8"))
    sound = [entry["hex"] for entry in entries if entry["type"] == kind and entry.get("pycrate") == "ok"]
    found = [split_j2735(bytes.fromhex(text))[1] for text in sound]
    return [body for body in found if _decodes(Asn1tools(key), body)]


def _decodes(other: Asn1tools, body: bytes) -> bool:
    try:
        other.decode(body)
    except NotImplementedError:
        return False
    return True


def cams(data: Path) -> list[bytes]:
    """Recorded CAMs of protocol version 2."""
    entries = json.loads((data / "v2x" / "csae_etsi.json").read_text(encoding="utf-8"))
    found = [bytes.fromhex(e["hex"]) for e in entries if e["type"] == "CAM"]
    return found + [bytes.fromhex(e["cam_hex"]) for e in entries if e.get("cam_hex")]


def perceived(count: int) -> PerceivedObjects:
    """Road users with everything known."""
    objects = tuple(
        PerceivedObject(
            object_id=number + 1,
            measured_ns=NOW_NS - 20_000_000,
            object_class=ObjectClass(number % 6),
            x_m=5.0 * number - 30.0,
            y_m=12.5,
            sensing=Sensing.CAMERA,
            ellipse_m=(0.4, 0.3),
            speed_mps=8.25,
            yaw_rad=0.5,
            acceleration_mps2=0.5,
            speed_sigma_mps=0.2,
            yaw_sigma_rad=0.05,
            length_m=4.5,
            width_m=1.8,
            height_m=1.5,
            class_confidence=0.9,
            existence=0.95,
            age_ms=2000,
        )
        for number in range(count)
    )
    return PerceivedObjects("0000000000000001", NOW_NS, 0.0, 0.0, objects)


def decode_race(name: str, key: str, items: list[bytes], *, skip_bits: int = 0) -> Race:
    """Octets of bodies to values."""
    ours, theirs, pycrate = message_codec(key), Asn1tools(key), _pycrate_decode(key)
    plain = [_shifted(octets, skip_bits) for octets in items]
    pairs = list(zip(items, plain, strict=True))
    return Race(
        f"{name}_decode",
        pairs,
        lambda pair: ours.decode(pair[0]),
        {"x": lambda pair: theirs.decode(pair[1]), "pycrate_x": lambda pair: pycrate(pair[1])},
    )


def encode_race(name: str, key: str, items: list[bytes], *, skip_bits: int = 0) -> Race:
    """Values to octets of bodies; only messages without open types that we decode."""
    ours, theirs = message_codec(key), Asn1tools(key)
    values = [ours.decode(octets) for octets in items]
    assert all(_shifted(ours.encode(v), skip_bits).startswith(theirs.encode(v)) for v in values)
    return Race(f"{name}_encode", values, ours.encode, {"x": theirs.encode})


def _shifted(octets: bytes, bits: int) -> bytes:
    """Octets without their first bits: the MessageFrame of T/CSAE is no part of the body."""
    if not bits:
        return octets
    number = int.from_bytes(octets, "big") << bits & (1 << 8 * len(octets)) - 1
    return number.to_bytes(len(octets), "big")


def report_race(
    name: str,
    dialect: str,
    frames: list[bytes],
    body: Callable[[bytes], bytes],
    key: str,
    report: Callable[[Any], V2xReport],
) -> Race:
    """Octets of whole messages to reports."""
    decoder = ReportDecoder(FRAME, dialect=dialect, framing="plain")
    heard = [RadioFrame("bench", NOW_NS, "192.0.2.1", frame) for frame in frames]
    plain, checked = Asn1tools(key), Asn1tools(key, checked=True)
    for frame in heard:
        assert _near(decoder.decode(frame), report(plain.decode(body(frame.payload))))
    return Race(
        f"{name}_report",
        heard,
        decoder.decode,
        {
            "x": lambda frame: report(plain.decode(body(frame.payload))),
            "checked_x": lambda frame: report(checked.decode(body(frame.payload))),
        },
    )


def _near(ours: V2xReport, theirs: V2xReport) -> bool:
    def close(a: Any, b: Any) -> bool:
        if isinstance(a, float):
            return abs(a - b) < 1e-6
        return len(a) == len(b) and all(map(close, a, b)) if isinstance(a, tuple) else bool(a == b)

    return close(tuple(ours), tuple(theirs))


def races(data: Path) -> list[Race]:
    """Every comparison."""
    arguments: dict[str, Any] = {"frame": FRAME, "link": "bench", "arrival_ns": NOW_NS}
    bsm, spat, maps = (
        bodies(data, kind, f"j2735/{name}")
        for kind, name in (("BSM", "BasicSafetyMessage"), ("SPAT", "SPAT"), ("MAP", "MapData"))
    )
    sdsm = bodies(data, "SDSM", "j2735/SensorDataSharingMessage")
    rsm = list(csae.encode_rsm(perceived(16), frame=FRAME, message_count=1, variant="a"))
    cpm = list(etsi.encode_cpm(perceived(10), frame=FRAME))
    framed = [
        b"\x00\x14" + (bytes([len(b)]) if len(b) < 128 else (0x8000 | len(b)).to_bytes(2, "big")) + b
        for b in bsm
    ]
    return [
        report_race(
            "bsm", "j2735", framed, lambda p: split_j2735(p)[1], "j2735/BasicSafetyMessage",
            lambda value: j2735_bsm.report_of(value, **arguments),
        ),
        report_race("cam", "etsi", cams(data), bytes, "etsi/CAM", lambda value: etsi_cam.report_of(value, **arguments)),
        decode_race("bsm", "j2735/BasicSafetyMessage", bsm),
        decode_race("spat", "j2735/SPAT", spat),
        decode_race("map", "j2735/MapData", maps),
        decode_race("rsm16", "csae-a/RoadsideSafetyMessage", rsm, skip_bits=4),
        decode_race("cpm10", "etsi/CollectivePerceptionMessage", cpm),
        decode_race("sdsm", "j2735/SensorDataSharingMessage", sdsm),
        encode_race("spat", "j2735/SPAT", spat),
        encode_race("rsm16", "csae-a/RoadsideSafetyMessage", rsm, skip_bits=4),
    ]  # fmt: skip


def import_s(sets: Iterable[str], *, cache: Path, repeats: int) -> float:
    """Median seconds to import every codec of some sets in a fresh process."""
    code = (
        "import sys, time; start = time.perf_counter()\n"
        "from edge.v2x.codec import message_codec, messages\n"
        f"[message_codec(key) for key in messages() if key.partition('/')[0] in {sorted(sets)!r}]\n"
        "spent = time.perf_counter() - start; assert 'asn1tools' not in sys.modules; print(spent)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for number in range(repeats + 1):
        place = {"PYTHONPYCACHEPREFIX": str(cache)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment | place,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        if number:
            times.append(float(done.stdout))
    return statistics.median(times)


def imports(repeats: int) -> dict[str, float]:
    sets = ("j2735", "etsi", "csae-a", "csae-b")
    with tempfile.TemporaryDirectory() as place:
        each = {name: import_s([name], cache=Path(place), repeats=repeats) for name in sets}
        together = import_s(sets, cache=Path(place), repeats=repeats)
    slowest = max(each, key=lambda name: each[name])
    source = import_s([slowest], cache=Path(os.devnull), repeats=3)
    return {"codec_import_s": each[slowest], "codec_import_all_s": together, "codec_import_source_s": source}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="21 repeats instead of 9")
    options = parser.parse_args()
    data = Path(os.environ.get("EDGE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    found = races(data)
    gc.collect()
    gc.freeze()
    for _ in range(21 if options.full else 9):
        for race in found:
            race.round(0.05)
    figures: dict[str, float] = {}
    for race in found:
        figures |= race.figures()
    per_message = statistics.median(found[0].times[""]) / len(found[0].items)
    figures["bsm_reports_per_s"] = round(1.0 / per_message)
    figures |= {name: round(value, 3) for name, value in imports(7).items()}
    for name, bound in TARGETS.items():
        print(f"{name:20} {figures[name]:8} wanted >= {bound}{'' if figures[name] >= bound else '   MISSED'}")
    for name, bound in IMPORT_TARGETS.items():
        print(f"{name:20} {figures[name]:8} wanted <= {bound}{'' if figures[name] <= bound else '   MISSED'}")
    print(json.dumps({"bench": "codec", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
