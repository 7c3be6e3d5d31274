"""Numbers that shape the tracker; the defaults are for an intersection with 10 Hz cameras."""

from __future__ import annotations

from typing import NamedTuple


class TrackerSettings(NamedTuple):
    """All floats, so that the kernels take it as it is.

    Attributes:
        vehicle_noise: spectral density of acceleration, m2/s3, of a vehicle along its heading.
        across_noise: the same across it.
        surprised_noise: the same both ways while measurements do not agree with the prediction.
        walker_noise: the same for pedestrians.
        standing_noise: the same while a road user stands and the measurements agree.
        gate: squared Mahalanobis distance within which a measurement may belong to a track.
        unassigned_cost: cost of leaving a measurement without a track.
        class_cost: highest cost of a class that does not fit.
        identity_bonus: taken off the cost where track and report have the same temporary id.
        together_s: how long after one scan showed two road users on foot side by side they are not merged.
        silence_s: how long a temporary id must be silent before another one may take the track.
        birth_existence: existence of a new track for a detection of confidence 1.
        shared_existence: existence of a track that only a neighbouring node has reported.
        confirm, drop: existence above which a track is published, below which it is deleted.
        confirm_hits: measurements that a track needs before it is published.
        confirmed_gain: factor by which one measurement raises the odds of a confirmed track at most: it may as well be
            another road user's, so a track that is missed more often than hit must fade.
        hold: existence above which a confirmed track stays published.
        highest_existence: existence never goes above.
        miss_weight: share of the detection probability that a miss counts with; below 1 because misses of one
            road user come in rows.
        occluded_weight: the share for a road user behind a nearer one.
        coast_s: a moving track that nobody has seen for longer is deleted.
        parked_coast_s: the same for one that has stood for `stand_s`.
        overlooked_weight: share of the detection probability of a radar for a road user that stands.
        lost_variance_m2: a track whose position variance (sum of both axes) is larger is deleted.
        publish_variance_m2: a track whose position variance is larger is not published.
        walker_speed_mps, vehicle_speed_mps: one-sigma speed of a road user seen for the first time.
        turn_speed_mps: above it yaw follows velocity.
    """

    vehicle_noise: float = 1.0
    across_noise: float = 0.25
    surprised_noise: float = 6.0
    walker_noise: float = 0.1
    standing_noise: float = 0.1
    gate: float = 16.0
    unassigned_cost: float = 13.0
    class_cost: float = 6.0
    identity_bonus: float = 12.0
    together_s: float = 0.7
    silence_s: float = 1.0
    birth_existence: float = 0.1
    shared_existence: float = 0.3
    confirm: float = 0.9
    drop: float = 0.01
    confirm_hits: float = 3.0
    confirmed_gain: float = 5.0
    hold: float = 0.5
    highest_existence: float = 0.9995
    miss_weight: float = 0.6
    occluded_weight: float = 0.1
    coast_s: float = 3.0
    stand_s: float = 5.0
    parked_coast_s: float = 60.0
    overlooked_weight: float = 0.1
    lost_variance_m2: float = 150.0
    publish_variance_m2: float = 16.0
    walker_speed_mps: float = 1.0
    vehicle_speed_mps: float = 8.0
    turn_speed_mps: float = 1.5
