"""The doctor's checks of certificates: do they belong together, how long do they hold, who else can read the key."""

from __future__ import annotations

import ssl
import stat
import time
from collections.abc import Callable
from functools import partial

from edge.access.tls_files import TlsFiles
from edge.app.verdict import Verdict
from edge.config import SiteConfig
from edge.config.access import MqttTlsConfig
from edge.core.errors import ConfigError

Check = Callable[[], tuple[Verdict, str]]
SOON_DAYS = 14
_DAY_NS = 86_400 * 1_000_000_000


def tls_checks(site: SiteConfig) -> list[tuple[str, Check]]:
    """Every check of certificates, with its subject."""
    checks: list[tuple[str, Check]] = [("transport", lambda: _transport(site))]
    if site.tls is not None:
        files, name = site.tls.files, site.site.id
        checks.append(("certificate", lambda: check_certificate(files, node=name, now_ns=time.time_ns())))
        if files.revoked is not None:
            checks.append(("revocation list", lambda: check_revoked(files, now_ns=time.time_ns())))
    gateway = () if site.openv2x is None else (site.openv2x,)
    for link in (*site.v2x, *site.rsu, *site.mqtt_feed, *gateway):
        tls = getattr(link, "tls", None)
        if tls is not None:
            checks.append((f"tls {link.name}", partial(_broker, tls)))
    return checks


def _transport(site: SiteConfig) -> tuple[Verdict, str]:
    try:
        site.check_transport()
    except ConfigError as error:
        return Verdict.BAD, str(error)
    if site.tls is not None and site.grpc.allow_plaintext:
        return (
            Verdict.ODD,
            f"gRPC at {site.grpc.listen} is plain although there is [tls]: leave grpc.allow_plaintext out",
        )
    if site.tls is None:
        return Verdict.GOOD, f"gRPC at {site.grpc.listen} is plain, for programs of this machine"
    return Verdict.GOOD, "gRPC has TLS, callers show certificates"


def check_certificate(files: TlsFiles, *, node: str, now_ns: int) -> tuple[Verdict, str]:
    """The node's own certificate: key, authority, role, time, rights of the key."""
    from edge.access.certificates import fingerprint, load_material, read_peer, to_ns, to_text  # noqa: PLC0415

    try:
        found = load_material(files)
    except ConfigError as error:
        return Verdict.BAD, f"tls.{error}"
    own = found.certificate
    begins_ns, ends_ns = to_ns(own.not_valid_before_utc), to_ns(own.not_valid_after_utc)
    if now_ns < begins_ns:
        return (
            Verdict.BAD,
            f"begins on {to_text(begins_ns)}: set this clock right, see the check of the clock",
        )
    remedy = f"edge certs rotate {node}, or order a new one"
    if now_ns > ends_ns:
        return Verdict.BAD, f"ended on {to_text(ends_ns)}: {remedy}"
    if not found.trust.issued(own):
        return (
            Verdict.BAD,
            f"{files.certificate} is not issued by an authority of {files.authority}: add its issuer",
        )
    mode = stat.S_IMODE(files.key.stat().st_mode)
    if mode & 0o037:
        return Verdict.BAD, f"{files.key} is open to others ({mode:04o}): chmod 600 {files.key}"
    identities = read_peer(found.certificate_pem, host="")[0].identities
    text = f"holds until {to_text(ends_ns)}, fingerprint {fingerprint(own)[:16]}"
    if f"edge://rsu/{node}" not in map(str, identities):
        return Verdict.ODD, f"{text}; it does not say edge://rsu/{node}: a centre will refuse this node"
    if ends_ns - now_ns < SOON_DAYS * _DAY_NS:
        return Verdict.ODD, f"{text}: soon; {remedy}"
    return Verdict.GOOD, text


def check_revoked(files: TlsFiles, *, now_ns: int) -> tuple[Verdict, str]:
    """The revocation list: readable, of a known authority, not stale."""
    from edge.access.certificates import load_material, to_text  # noqa: PLC0415 - only where there is TLS

    try:
        trust = load_material(files).trust
    except ConfigError as error:
        return Verdict.BAD, f"tls.{error}"
    text = f"{len(trust.revoked)} certificates revoked"
    if trust.stale_after_ns is not None and trust.stale_after_ns < now_ns:
        return (
            Verdict.BAD,
            f"{text}; a newer list was due on {to_text(trust.stale_after_ns)}: fetch it from the authority",
        )
    return Verdict.GOOD, text


def _broker(tls: MqttTlsConfig) -> tuple[Verdict, str]:
    try:
        context = ssl.create_default_context(cafile=str(tls.authority))
        if tls.certificate is not None:
            context.load_cert_chain(str(tls.certificate), str(tls.key))
    except OSError as error:  # of which TLS's own errors are some
        return Verdict.BAD, f"cannot be used: {error}; certificate and key must be PEM and belong together"
    return Verdict.GOOD, "certificates can be used"
