"""SAE J2735-2020: what the node reads and writes of it. The BSM, SPAT and MAP live in a file each."""

from edge.v2x.j2735_bsm import DIALECT, EMERGENCY_EVENTS, decode_bsm, encode_bsm
from edge.v2x.j2735_map import decode_map, encode_map
from edge.v2x.j2735_spat import decode_spat, decode_spats, encode_spat

__all__ = [
    "DIALECT",
    "EMERGENCY_EVENTS",
    "decode_bsm",
    "decode_map",
    "decode_spat",
    "decode_spats",
    "encode_bsm",
    "encode_map",
    "encode_spat",
]
