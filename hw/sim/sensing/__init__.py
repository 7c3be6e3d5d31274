"""Object-level sensors of the simulated world: what cameras, radars, lidars and radios report of its road users.

The scans state the noise that the sensors are sold with; the truth may differ from it, as in the field.
"""

from hw.sim.sensing.faults import Faults
from hw.sim.sensing.recording import Recording, record, simulate

__all__ = ["Faults", "Recording", "record", "simulate"]
