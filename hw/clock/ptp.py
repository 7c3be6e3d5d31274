"""The PTP daemon's word on the clock: `pmc` asks ptp4l for TIME_STATUS_NP and PORT_DATA_SET (linuxptp, pmc(8)).

The offset is that of the clock which ptp4l steers. With hardware stamps that is the network card's, and phc2sys steers
the system's clock after it; so the reading holds for the system only together with the kernel's own bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.clock import ClockReading
from edge.core.errors import CodecError, DeviceError
from hw.clock.program import ask
from hw.clock.system import ClockState

SOURCE = "ptp"
REMEDY = "start ptp4l, and phc2sys where the network card has its own clock"
_LARGEST_NS = 2**62


@dataclass(frozen=True, slots=True)
class PtpStatus:
    """What ptp4l answers.

    Attributes:
        grandmaster: it hears one.
        identity: of the grandmaster.
        offset_ns: of its clock from the master's, ns.
        port_states: of every port, e.g. SLAVE, LISTENING, MASTER.
    """

    grandmaster: bool
    identity: str
    offset_ns: int
    port_states: tuple[str, ...]

    @property
    def locked(self) -> bool:
        """Whether it follows a grandmaster."""
        return self.grandmaster and "SLAVE" in self.port_states


def parse_pmc(text: str) -> PtpStatus:
    """The answers of pmc, one `key value` a line under the headings of the answers.

    Raises:
        CodecError: the time status is not among them.
    """
    values: dict[str, str] = {}
    states: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 2:
            continue
        if words[0] == "portState":
            states.append(words[1])
        values.setdefault(words[0], words[1])
    try:
        offset_ns = int(values["master_offset"])
        present = values["gmPresent"]
    except (KeyError, ValueError) as error:
        raise CodecError("pmc", "no TIME_STATUS_NP in its answer: is ptp4l running?") from error
    if abs(offset_ns) > _LARGEST_NS:
        raise CodecError("pmc", "master_offset is out of range")
    return PtpStatus(present == "true", values.get("gmIdentity", ""), offset_ns, tuple(states))


def reading_of(status: PtpStatus, kernel: ClockState) -> ClockReading:
    """Reading of the system's clock: followed, and steered to what follows."""
    if not status.locked:
        what = (
            "no grandmaster"
            if not status.grandmaster
            else f"port {', '.join(status.port_states) or 'unknown'}"
        )
        return ClockReading(SOURCE, False, 0, None, what)
    if not kernel.synchronised:
        return ClockReading(SOURCE, False, 0, None, "nobody steers the system clock: start phc2sys")
    error_ns = abs(status.offset_ns) + kernel.max_error_ns
    return ClockReading(SOURCE, True, error_ns, None, f"grandmaster {status.identity}")


async def read_ptp(kernel: ClockState, *, socket_path: str, domain: int) -> ClockReading | None:
    """Ask ptp4l; None where linuxptp is not installed.

    Raises:
        DeviceError: it is installed and does not answer.
        CodecError: it answers something else.
    """
    command = ("pmc", "-u", "-b", "0", "-d", str(domain), "-s", socket_path, *_QUESTIONS)
    answer = await ask(command, device=SOURCE)
    if answer is None:
        return None
    status, text = answer
    if status != 0:
        raise DeviceError(SOURCE, f"pmc: {text.strip()[-200:]}", remedy=REMEDY)
    return reading_of(parse_pmc(text), kernel)


_QUESTIONS = ("GET TIME_STATUS_NP", "GET PORT_DATA_SET")
