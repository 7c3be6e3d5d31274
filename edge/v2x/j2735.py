"""SAE J2735-2020: what the node reads and writes of it. The BSM, SPAT and MAP live in a file each."""

from edge.v2x.j2735_bsm import DIALECT, decode_bsm, encode_bsm

__all__ = ["DIALECT", "decode_bsm", "encode_bsm"]
