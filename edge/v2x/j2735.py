"""SAE J2735-2020 and J3224-2022: what the node reads and writes of them. Every message lives in a file of its own."""

from edge.v2x.j2735_bsm import DIALECT, EMERGENCY_EVENTS, decode_bsm, encode_bsm
from edge.v2x.j2735_map import decode_map, encode_map
from edge.v2x.j2735_psm import CROSSING_EVENTS, decode_psm, encode_psm
from edge.v2x.j2735_rtcm import decode_rtcm, encode_rtcm
from edge.v2x.j2735_sdsm import decode_sdsm, encode_sdsm
from edge.v2x.j2735_spat import decode_spat, decode_spats, encode_spat
from edge.v2x.j2735_srm import decode_srm, encode_srm
from edge.v2x.j2735_ssm import decode_ssm, encode_ssm
from edge.v2x.j2735_tim import decode_tim, encode_tim

__all__ = [
    "CROSSING_EVENTS",
    "DIALECT",
    "EMERGENCY_EVENTS",
    "decode_bsm",
    "decode_map",
    "decode_psm",
    "decode_rtcm",
    "decode_sdsm",
    "decode_spat",
    "decode_spats",
    "decode_srm",
    "decode_ssm",
    "decode_tim",
    "encode_bsm",
    "encode_map",
    "encode_psm",
    "encode_rtcm",
    "encode_sdsm",
    "encode_spat",
    "encode_srm",
    "encode_ssm",
    "encode_tim",
]
