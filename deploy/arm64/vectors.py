"""Octets of seeded values of every V2X message, for check.py: `python vectors.py OUT.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from edge.v2x.codec import message_codec, messages  # noqa: E402 - the checkout is on the path now
from tests.unit.v2x.values import random_value  # noqa: E402

SAMPLES = 3


def main() -> None:
    """Write them."""
    found = {
        message: [message_codec(message).encode(random_value(message, seed)).hex() for seed in range(SAMPLES)]
        for message in sorted(messages())
    }
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
