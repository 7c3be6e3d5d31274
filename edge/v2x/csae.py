"""T/CSAE 53-2020 day 1: what the node reads and writes of it. The BSM, SPAT and MAP live in a file each.

`variant` is `a` or `b`: two editions of the ASN.1 circulate, and their MAPs do not understand one another.
"""

from edge.v2x.csae_bsm import decode_bsm, encode_bsm
from edge.v2x.csae_map import encode_map
from edge.v2x.csae_spat import decode_spat, encode_spat

__all__ = ["decode_bsm", "decode_spat", "encode_bsm", "encode_map", "encode_spat"]
