"""ETSI ITS release 2: what the node reads and writes of it, a message a file. Release 1 is read where it agrees."""

from edge.v2x.etsi_cam import decode_cam, encode_cam
from edge.v2x.etsi_cpm import encode_cpm
from edge.v2x.etsi_cpm_decode import decode_cpm
from edge.v2x.etsi_elements import DIALECT
from edge.v2x.etsi_vam import decode_vam, encode_vam

__all__ = [
    "DIALECT",
    "decode_cam",
    "decode_cpm",
    "decode_vam",
    "encode_cam",
    "encode_cpm",
    "encode_vam",
]
