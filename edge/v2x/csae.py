"""T/CSAE 53-2020 day 1: what the node reads and writes of it. The BSM, SPAT and MAP live in a file each."""

from edge.v2x.csae_bsm import Variant, decode_bsm, encode_bsm
from edge.v2x.csae_map import encode_map
from edge.v2x.csae_spat import decode_spat, encode_spat

__all__ = ["Variant", "decode_bsm", "decode_spat", "encode_bsm", "encode_map", "encode_spat"]
