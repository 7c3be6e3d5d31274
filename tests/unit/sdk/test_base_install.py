"""The client needs gRPC and protobuf, and nothing else that the node needs."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        blocked = {
            "numpy", "pydantic", "numba", "cv2", "av", "onnxruntime", "asn1tools", "aiomqtt", "paho", "rich", "typer",
            "prometheus_client", "fastapi", "uvicorn", "grpc_health", "grpc_reflection", "grpc_tools", "amqtt",
        }
        if top in blocked:
            raise ModuleNotFoundError(f"{name} is not part of the base install", name=name)
        return None

sys.meta_path.insert(0, Refuse())
import edge.sdk

for name in edge.sdk.__all__:
    getattr(edge.sdk, name)
stages = sorted(m for m in sys.modules if m.startswith("edge.") and m.split(".")[1] not in ("sdk", "v1"))
assert not stages, stages
print(edge.sdk.EdgeClient("127.0.0.1:1").address)
"""


def test_the_client_imports_without_the_nodes_packages() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "127.0.0.1:1"
