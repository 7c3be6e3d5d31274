"""The figures of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """How good tracks are. README.md defines each figure with its source.

    Attributes:
        hota, deta, assa: higher order tracking accuracy and its two parts, 0..100.
        idf1: share of right identities, 0..100.
        mota: 100 less misses, false tracks and switches in percent of the truth.
        id_switches, fragments: times that a road user's track changed its id; that its track was interrupted.
        false_positives, misses: track-instants without a road user, and the other way round.
        gospa: mean over the instants, m; c = 5 m, p = 2, alpha = 2.
        gospa_location, gospa_missed, gospa_false: means of its squared parts, m2.
        rmse_m, velocity_rmse_mps: over pairs nearer than 2 m.
        nees: mean normalised estimation error squared of the position, 2 when the covariance is right.
        confirm_median_s, confirm_p95_s: from when a road user is first scored to its first pair; NaN: none.
        never_found: road users without any pair.
        instants, objects, tracks: how much was scored: instants, and object- and track-instants.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    id_switches: int
    fragments: int
    false_positives: int
    misses: int
    gospa: float
    gospa_location: float
    gospa_missed: float
    gospa_false: float
    rmse_m: float
    velocity_rmse_mps: float
    nees: float
    confirm_median_s: float
    confirm_p95_s: float
    never_found: int
    instants: int
    objects: int
    tracks: int
