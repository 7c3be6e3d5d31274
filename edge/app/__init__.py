"""Wiring: one module per process and command, the only ones that import drivers and every stage."""

import os

# From 1.32 on, ONNX Runtime keeps an id of the machine in the home directory and reports to its maker; it looks at this
# when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# gRPC would write a line for every handshake that fails: whoever reaches the port could fill the disk.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
