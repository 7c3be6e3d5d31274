"""How long a client waits before it tries again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """Pauses between attempts: from `first_s` doubling to `limit_s`, each times 0.5 to 1.0 by chance."""

    first_s: float = 0.2
    limit_s: float = 5.0

    def pause_s(self, attempt: int) -> float:
        """Pause after failed attempt number `attempt`, from 0."""
        share = random.uniform(0.5, 1.0)  # noqa: S311 - so that clients do not come back together
        return share * min(self.limit_s, self.first_s * 2.0 ** min(attempt, 16))
