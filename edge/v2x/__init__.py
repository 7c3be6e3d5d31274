"""V2X message sets: schema, generated codecs, one dialect a file, framings.

`edge.v2x.codec` encodes and decodes messages as values; `edge.v2x.j2735`, `edge.v2x.csae` and `edge.v2x.etsi` turn them
into core values and back; `edge.v2x.framing` knows what links wrap around them; `edge.v2x.decoder` joins these for what
a link hears. Importing this package loads none of them.
"""
