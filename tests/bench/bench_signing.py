"""Signing and verifying against bare ECDSA: `python tests/bench/bench_signing.py`. The last line is one JSON object.

The raw limit is `cryptography` on NIST P-256 with a digest ready made. All runners take turns in one process; times are
CPU time of the thread, the median of the repeats. A message is a BSM of 80 octets or so. Definitions:
  sign_per_s, sign_of_raw                 messages signed, one in many with the certificate; their share of bare signing
  verify_per_s, verify_of_raw             messages whose signer is known; their share of bare verifying
  verify_certificate_per_s, ..._of_raw    messages with a new certificate, of a known authority; two signatures each, so
                                          their share is that of two bare verifications
  refuse_per_s                            messages of an unknown signer by digest, refused without a signature checked
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.core.stamp import NS_PER_S
from edge.v2x.security.certificate import Permission
from edge.v2x.security.pki import TestPki, create_pki
from edge.v2x.security.signer import Ieee1609Signer
from edge.v2x.security.trust import TrustStore
from edge.v2x.security.verifier import Ieee1609Verifier

NOW_NS = 1_800_000_000 * NS_PER_S
STEP_NS = 1_000_000
BSM = bytes(range(80))
PERMISSIONS = (Permission(0x20, b"\x01\x80"),)
BATCH, REPEATS = 200, 15
Work = Callable[[Any], object]


def raw_limits() -> tuple[Work, Work]:
    """Bare signing and verifying of a digest."""
    key, method = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    digest = bytes(32)
    signature, public = key.sign(digest, method), key.public_key()
    return lambda _: key.sign(digest, method), lambda _: public.verify(signature, digest, method)


def spent_s(work: Work, items: list[Any]) -> float:
    start = time.thread_time()
    for item in items:
        work(item)
    return (time.thread_time() - start) / len(items)


def clock() -> Iterator[int]:
    """Times of signing that never come twice: a message that does is replayed."""
    now_ns = NOW_NS
    while True:
        now_ns += STEP_NS
        yield now_ns


def round_of(pki: TestPki, times: Iterator[int]) -> dict[str, float]:
    """Seconds per message of each runner, once."""
    raw_sign, raw_verify = raw_limits()
    known, strange = Ieee1609Signer(pki.tickets[0], profile="ieee1609"), pki.tickets[1]
    verifier = Ieee1609Verifier(TrustStore(pki.anchors))
    at = [next(times) for _ in range(BATCH)]
    verifier.verify(known.sign(BSM, kind="BSM", now_ns=at[0] - STEP_NS), now_ns=at[0])
    messages = [(known.sign(BSM, kind="BSM", now_ns=now_ns), now_ns) for now_ns in at]
    fresh = [
        (Ieee1609Signer(ticket, profile="ieee1609").sign(BSM, kind="BSM", now_ns=now_ns), now_ns)
        for ticket, now_ns in zip(pki.tickets[2:], at, strict=False)
    ]
    stranger = Ieee1609Signer(strange, profile="ieee1609")
    stranger.sign(BSM, kind="BSM", now_ns=at[0] - STEP_NS)
    unknown = [(stranger.sign(BSM, kind="BSM", now_ns=now_ns), now_ns) for now_ns in at]

    def check(item: tuple[bytes, int], refusal: str | None) -> None:
        found = verifier.verify(item[0], now_ns=item[1]).refusal
        assert found == refusal, found

    return {
        "raw_sign": spent_s(raw_sign, at),
        "sign": spent_s(lambda now_ns: known.sign(BSM, kind="BSM", now_ns=now_ns), at),
        "raw_verify": spent_s(raw_verify, at),
        "refuse": spent_s(lambda item: check(item, "unknown_signer"), unknown),
        "verify": spent_s(lambda item: check(item, None), messages),
        "verify_certificate": spent_s(lambda item: check(item, None), fresh),
    }


def main() -> int:
    pki, times = create_pki(PERMISSIONS, now_ns=NOW_NS, tickets=52), clock()
    rounds = [round_of(pki, times) for _ in range(REPEATS)]
    middle = {name: statistics.median(entry[name] for entry in rounds) for name in rounds[0]}
    share = {
        "sign_of_raw": ("raw_sign", "sign", 1),
        "verify_of_raw": ("raw_verify", "verify", 1),
        "verify_certificate_of_raw": ("raw_verify", "verify_certificate", 2),
    }
    figures = {f"{name}_per_s": round(1.0 / seconds) for name, seconds in middle.items()}
    for name, (raw, ours, count) in share.items():
        ratios = [count * entry[raw] / entry[ours] for entry in rounds]
        figures[name] = round(statistics.median(ratios), 2)
    print(json.dumps({"bench": "signing", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
