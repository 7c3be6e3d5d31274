"""The gRPC contract: generated code is current, everything is commented, units are in names."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.name for path in (ROOT / "protos" / "edge" / "v1").glob("*.proto"))
UNITS = ("_m", "_m2", "_deg", "_rad", "_mps", "_ns", "_s", "_hz")
PLAIN_DOUBLES = {"class_probability", "existence", "trust", "confidence"}
"""Probabilities: they have no unit."""
STAMPS = {"capture_ns", "published_ns", "valid_until_ns"}


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """Descriptors with comments, by file name."""
    target = tmp_path_factory.mktemp("protos") / "all.pb"
    status = protoc.main(
        [
            "protoc",
            f"-I{ROOT / 'protos'}",
            "--include_source_info",
            f"--descriptor_set_out={target}",
            *(f"edge/v1/{name}" for name in FILES),
        ]
    )
    assert status == 0
    found = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
    return {Path(file.name).name: file for file in found.file}


def messages(
    file: descriptor_pb2.FileDescriptorProto,
) -> Iterator[tuple[str, descriptor_pb2.FieldDescriptorProto]]:
    for message in file.message_type:
        for field in message.field:
            yield message.name, field


def test_committed_code_is_what_the_protos_generate() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "protos" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", FILES)
def test_generated_modules_import_as_they_lie(name: str) -> None:
    module = importlib.import_module(f"edge.v1.{Path(name).stem}_pb2")
    assert module.DESCRIPTOR.package == "edge.v1"


@pytest.mark.parametrize("name", FILES)
def test_every_field_has_a_comment(
    name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    file = descriptors[name]
    commented = {
        tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()
    }
    missing = [
        f"{message.name}.{field.name}"
        for i, message in enumerate(file.message_type)
        for j, field in enumerate(message.field)
        if (4, i, 2, j) not in commented
    ]
    assert not missing


@pytest.mark.parametrize("name", FILES)
def test_physical_values_have_their_unit_in_the_name(
    name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    double = descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE
    bad = [
        f"{message}.{field.name}"
        for message, field in messages(descriptors[name])
        if field.type == double and not field.name.endswith(UNITS) and field.name not in PLAIN_DOUBLES
    ]
    assert not bad


@pytest.mark.parametrize("name", FILES)
def test_every_enumeration_begins_with_unspecified_and_names_itself(
    name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    for enum in descriptors[name].enum_type:
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
        assert (enum.value[0].name, enum.value[0].number) == (f"{prefix}_UNSPECIFIED", 0)
        assert all(value.name.startswith(f"{prefix}_") for value in enum.value)


@pytest.mark.parametrize(
    ("file", "message"), [("node.proto", "Update"), ("signals.proto", "Signals")], ids=lambda v: v
)
def test_live_messages_carry_stamps_and_validity(
    file: str, message: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    names = {field.name for owner, field in messages(descriptors[file]) if owner == message}
    assert names >= STAMPS
