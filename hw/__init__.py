"""Drivers that implement `edge.ports`: one folder a device family, one file a make."""
