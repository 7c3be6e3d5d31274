"""The only converters between core values and the protobuf messages of edge.v1."""
