"""Site configuration of signatures: who signs for a radio that does not, and what a link does with the unverified."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from edge.config.section import Section

Verify = Literal["off", "mark", "require"]
"""Off: signatures are not looked at. Mark: reports say who verified them. Require: others are refused."""


class SignConfig(Section):
    """Sign messages here, after IEEE 1609.2, for a radio that does not."""

    certificate: Path = Field(description="IEEE 1609.2 certificate, octets")
    key: Path = Field(description="its private key, PEM, readable for the node's user alone")


def check_trust(verify: Verify, trust: tuple[Path, ...], *, dialect: str) -> None:
    """Refuse a link that wants signatures checked and cannot. Raises `ValueError`."""
    if verify == "off":
        return
    if dialect.startswith("csae"):
        raise ValueError(
            f"verify = {verify!r} is not for {dialect}, whose SM2 signatures are not read: leave it out"
        )
    if not trust:
        raise ValueError(f"verify = {verify!r} needs trust = [certificates of roots and authorities]")


def check_signing(sign: SignConfig | None, *, dialect: str) -> None:
    """Refuse a radio whose messages cannot be signed here. Raises `ValueError`."""
    if sign is not None and dialect.startswith("csae"):
        raise ValueError(
            f"sign is not for {dialect}, whose SM2 signatures are not written: the radio must sign"
        )
