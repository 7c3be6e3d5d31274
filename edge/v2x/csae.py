"""T/CSAE 53-2020 (day 1) and T/CSAE 157-2020 (day 2): what the node reads and writes of them, a message a file.

The values of coordination, intentions and parking are in `csae_rsc`, `csae_vir` with `csae_requests`, and `csae_pam`.
"""

from edge.v2x.csae_bsm import decode_bsm, encode_bsm
from edge.v2x.csae_elements import Variant
from edge.v2x.csae_event_codes import EventCode, event_code
from edge.v2x.csae_map import encode_map
from edge.v2x.csae_map_decode import decode_map, decode_maps
from edge.v2x.csae_pam import decode_pam, encode_pam
from edge.v2x.csae_psm import decode_psm, encode_psm
from edge.v2x.csae_rsc import decode_rsc, encode_rsc
from edge.v2x.csae_rsi import RsiEncoder, decode_rsi
from edge.v2x.csae_rsm import decode_rsm, encode_rsm
from edge.v2x.csae_spat import decode_spat, decode_spats, encode_spat
from edge.v2x.csae_ssm import decode_ssm, encode_ssm
from edge.v2x.csae_vir import decode_vir, encode_vir

__all__ = [
    "EventCode",
    "RsiEncoder",
    "Variant",
    "decode_bsm",
    "decode_map",
    "decode_maps",
    "decode_pam",
    "decode_psm",
    "decode_rsc",
    "decode_rsi",
    "decode_rsm",
    "decode_spat",
    "decode_spats",
    "decode_ssm",
    "decode_vir",
    "encode_bsm",
    "encode_map",
    "encode_pam",
    "encode_psm",
    "encode_rsc",
    "encode_rsm",
    "encode_spat",
    "encode_ssm",
    "encode_vir",
    "event_code",
]
