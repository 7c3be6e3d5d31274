"""Turns the schema texts in `edge/v2x/schema` into straight-line Python in `edge/v2x/generated`.

Development time only: `python -m edge.v2x.compiler` writes, `--check` tells whether what is committed is current.
asn1tools parses and compiles the text; `tree` takes its type tree over into our own types, `reader`, `writer` and
`projection` write code for them. The generated modules need `edge.v2x.uper` and nothing else.
"""
