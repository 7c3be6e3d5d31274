"""Builds signers and gates from the site file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config.links import V2xLinkConfig
from edge.config.security import SignConfig
from edge.config.site import SiteConfig
from edge.core.errors import CodecError, ConfigError
from edge.ports import Signer
from edge.v2x.security.gate import Gate

if TYPE_CHECKING:
    from edge.v2x.security.applications import Profile

BROADCAST_KINDS = ("SPAT", "MAP")
"""What a certificate must be for, because the node sends it."""


def build_signer(config: SignConfig, *, dialect: str, kinds: tuple[str, ...] = BROADCAST_KINDS) -> Signer:
    """The signer of a radio, for these kinds of message.

    Raises:
        ConfigError: the certificate or key cannot be read, or they are not for what the radio sends.
    """
    from edge.v2x.security import applications, pki, signer  # noqa: PLC0415 - only where messages are signed

    credential, profile = pki.load_credential(config.certificate, config.key), _profile(dialect)
    for kind in kinds:
        application = applications.application_of_kind(kind, profile=profile)
        if credential.certificate.body.permission(application) is None:
            problem = f"{config.certificate} is not for {kind} (application {application})"
            raise ConfigError("sign.certificate", problem, remedy="order a certificate for it")
    try:
        return signer.Ieee1609Signer(credential, profile=profile)
    except CodecError as error:
        raise ConfigError("sign.key", f"{config.key}: {error.problem}") from error


def build_gates(site: SiteConfig) -> dict[str, Gate]:
    """Gates of the links whose signatures are checked. Raises `ConfigError`."""
    return {link.name: _gate(link, site) for link in site.v2x if link.verify != "off"}


def check_trust_files(site: SiteConfig) -> None:
    """Read every certificate that links trust, before processes start that need them. Raises `ConfigError`."""
    from edge.v2x.security.pki import load_certificate  # noqa: PLC0415 - only where messages are verified

    for link in site.v2x:
        if link.verify != "off":
            for path in link.trust:
                load_certificate(path)


def _gate(link: V2xLinkConfig, site: SiteConfig) -> Gate:
    from edge.v2x.security import pki, region, trust, verifier  # noqa: PLC0415 - only where messages are verified

    assert link.verify != "off"
    try:
        store = trust.TrustStore([pki.load_certificate(path) for path in link.trust])
    except CodecError as error:
        raise ConfigError(f"v2x.{link.name}.trust", str(error)) from error
    here = region.Place(round(site.site.latitude_deg * 1e7), round(site.site.longitude_deg * 1e7))
    checker = verifier.Ieee1609Verifier(store, place=here)
    return Gate(checker, mode=link.verify, framing=link.framing, profile=_profile(link.dialect))


def _profile(dialect: str) -> Profile:
    return "etsi" if dialect.startswith("etsi") else "ieee1609"
