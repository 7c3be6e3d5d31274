"""V2X message sets: schema, codec, one dialect a file, framings.

`edge.v2x.j2735` and `edge.v2x.csae` hold the functions of each message set, `edge.v2x.framing` what links wrap around
messages. Importing any of them is cheap: the schema compiler is loaded with the first message.
"""

from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import OtherMessageError
from edge.v2x.spat import GroupView, SpatView

__all__ = ["GroupView", "OtherMessageError", "ReportDecoder", "SpatView"]
