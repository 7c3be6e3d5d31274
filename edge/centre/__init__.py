"""The traffic centre: the live state of all intersections, queries over gRPC, and a page."""
