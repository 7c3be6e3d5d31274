"""T/CSAE 53-2020 (day 1) and T/CSAE 157-2020 (day 2): what the node reads and writes of them, a message a file."""

from edge.v2x.csae_bsm import decode_bsm, encode_bsm
from edge.v2x.csae_elements import Variant
from edge.v2x.csae_event_codes import EventCode, event_code
from edge.v2x.csae_map import encode_map
from edge.v2x.csae_map_decode import decode_map, decode_maps
from edge.v2x.csae_rsi import RsiEncoder, decode_rsi
from edge.v2x.csae_rsm import decode_rsm, encode_rsm
from edge.v2x.csae_spat import decode_spat, encode_spat
from edge.v2x.csae_ssm import decode_ssm, encode_ssm

__all__ = [
    "EventCode",
    "RsiEncoder",
    "Variant",
    "decode_bsm",
    "decode_map",
    "decode_maps",
    "decode_rsi",
    "decode_rsm",
    "decode_spat",
    "decode_ssm",
    "encode_bsm",
    "encode_map",
    "encode_rsm",
    "encode_spat",
    "encode_ssm",
    "event_code",
]
