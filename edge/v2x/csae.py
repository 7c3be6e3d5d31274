"""T/CSAE 53-2020 day 1: what the node reads and writes of it. The BSM, SPAT and MAP live in a file each."""

from typing import Literal

from edge.v2x.csae_bsm import decode_bsm, encode_bsm
from edge.v2x.csae_map import encode_map
from edge.v2x.csae_spat import decode_spat, encode_spat

Variant = Literal["a", "b"]
"""Two editions of the ASN.1 circulate, and their MAPs do not understand one another."""

__all__ = ["Variant", "decode_bsm", "decode_spat", "encode_bsm", "encode_map", "encode_spat"]
