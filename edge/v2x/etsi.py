"""ETSI ITS release 2: what the node reads and writes of it, a message a file. Release 1 is read where it agrees."""

from edge.v2x.etsi_cam import decode_cam, encode_cam
from edge.v2x.etsi_cpm import encode_cpm
from edge.v2x.etsi_cpm_decode import decode_cpm
from edge.v2x.etsi_denm import DenmEncoder, decode_denm
from edge.v2x.etsi_elements import DIALECT
from edge.v2x.etsi_mapem import decode_mapem, encode_mapem
from edge.v2x.etsi_spatem import decode_spatem, decode_spatems, encode_spatem
from edge.v2x.etsi_srem import decode_srem, encode_srem
from edge.v2x.etsi_ssem import decode_ssem, encode_ssem
from edge.v2x.etsi_vam import decode_vam, encode_vam

__all__ = [
    "DIALECT",
    "DenmEncoder",
    "decode_cam",
    "decode_cpm",
    "decode_denm",
    "decode_mapem",
    "decode_spatem",
    "decode_spatems",
    "decode_srem",
    "decode_ssem",
    "decode_vam",
    "encode_cam",
    "encode_cpm",
    "encode_mapem",
    "encode_spatem",
    "encode_srem",
    "encode_ssem",
    "encode_vam",
]
