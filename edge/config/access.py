"""Site configuration of who may connect, and as whom we do: certificates, brokers, limits of callers, the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from edge.access.limits import AccessLimits
from edge.access.tls_files import TlsFiles
from edge.config.address import Target
from edge.config.section import Section


class TlsConfig(Section):
    """`[tls]`: certificates of the node, for its gRPC server and for its uplink. Files that change are read anew."""

    certificate: Path = Field(description="the node's certificate, PEM")
    key: Path = Field(description="its private key, PEM, readable for the node's user alone")
    authority: Path = Field(description="certificates of all authorities that issue peers, PEM")
    revoked: Path | None = Field(default=None, description="their revocation lists (X.509 CRL)")

    @property
    def files(self) -> TlsFiles:
        """The paths."""
        return TlsFiles(self.certificate, self.key, self.authority, self.revoked)


class MqttTlsConfig(Section):
    """`tls` of an MQTT link or radio."""

    authority: Path = Field(description="certificates that the broker's is checked with, PEM")
    certificate: Path | None = Field(default=None, description="own certificate, where the broker wants one")
    key: Path | None = Field(default=None, description="its private key")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together: give both, or none")
        return self


class BrokerSection(Section):
    """What every section has that talks through an MQTT broker."""

    broker: Target
    username: str | None = None
    password_file: Path | None = Field(
        default=None, description="file that holds the password, never the password"
    )
    tls: MqttTlsConfig | None = Field(default=None, description="without it: plain")


class AuditConfig(Section):
    """`[audit]`: the log of refusals and commands, `audit.jsonl` in the state directory."""

    max_mb: int = Field(default=10, ge=1, le=1000, description="size of one file")
    files: int = Field(default=5, ge=1, le=100, description="how many are kept; the oldest is deleted")


class CallLimits(Section):
    """`[grpc.limits]`: what one peer may do; a peer is a certificate, without one a host."""

    calls_per_s: float = Field(default=20.0, gt=0, le=100_000, description="calls per second in the long run")
    burst: int = Field(default=100, ge=1, le=100_000, description="calls at once")
    open_calls: int = Field(default=100, ge=1, le=10_000, description="calls open at a time")

    @property
    def limits(self) -> AccessLimits:
        """As the guard wants them."""
        return AccessLimits(self.calls_per_s, self.burst, self.open_calls)
