"""Free space, and how much of its life flash has used.

Sources: statvfs(3); eMMC JESD84-B51 EXT_CSD 267 PRE_EOL_INFO, 268 and 269 DEVICE_LIFE_TIME_EST (tenths of the life; the
kernel shows them as pre_eol_info and life_time), and in debugfs the whole EXT_CSD as hex; NVM Express base
specification, SMART / health information log (page 02h), byte 5 percentage used.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hw.board.sysfs import read_text

_PRE_EOL = {2: "most of its spare blocks are used", 3: "almost all of its spare blocks are used"}
_PRE_EOL_AT, _LIFE_A_AT, _LIFE_B_AT = 267, 268, 269
_NVME_ADMIN = 0xC0484E41  # NVME_IOCTL_ADMIN_CMD of <linux/nvme_ioctl.h>
_LOG_BYTES = 512


@dataclass(frozen=True, slots=True)
class Disk:
    """Space of one file system.

    Attributes:
        path: where.
        free_bytes, total_bytes: for those who are not root.
        free_files, total_files: inodes; 0 and 0 where it does not count them.
    """

    path: Path
    free_bytes: int
    total_bytes: int
    free_files: int = 0
    total_files: int = 0

    @property
    def free_percent(self) -> float:
        """The scarcer of space and inodes, per cent."""
        space = 100.0 * self.free_bytes / self.total_bytes if self.total_bytes else 0.0
        files = 100.0 * self.free_files / self.total_files if self.total_files else 100.0
        return min(space, files)


@dataclass(frozen=True, slots=True)
class Wear:
    """How worn a flash device is.

    Attributes:
        device: its name.
        used_percent: of its life, upper bound; above 100 past it.
        trouble: a warning of its own; empty: none.
    """

    device: str
    used_percent: int
    trouble: str = ""


def read_disk(path: Path, *, statvfs: Callable[[Path], os.statvfs_result] = os.statvfs) -> Disk | None:
    """Space of the file system that holds a path, or its nearest parent that is there; None: it cannot be asked."""
    for place in (path, *path.absolute().parents):
        try:
            found = statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        size = found.f_frsize
        return Disk(path, found.f_bavail * size, found.f_blocks * size, found.f_favail, found.f_files)
    return None


def read_wear(root: Path) -> tuple[Wear, ...]:
    """Every eMMC and NVMe device that tells its wear to us."""
    cards = sorted((root / "sys/class/mmc_host").glob("mmc*/mmc*:*"))
    drives = sorted((root / "sys/class/nvme").glob("nvme*"))
    found = [_mmc(card, root) for card in cards] + [read_nvme(root / "dev" / drive.name) for drive in drives]
    return tuple(wear for wear in found if wear is not None)


def _mmc(card: Path, root: Path) -> Wear | None:
    life, pre_eol = read_text(card / "life_time"), read_text(card / "pre_eol_info")
    with contextlib.suppress(ValueError):
        values = [int(word, 16) for word in (life or "").split()]
        if values:
            return _wear(card.name, values, int(pre_eol, 16) if pre_eol else 0)
    return _ext_csd(root / "sys/kernel/debug" / card.name.split(":")[0] / card.name / "ext_csd", card.name)


def _ext_csd(path: Path, name: str) -> Wear | None:
    """The same from debugfs, where root may read it."""
    try:
        register = bytes.fromhex(read_text(path) or "")
    except ValueError:
        return None
    if len(register) < 512:
        return None
    return _wear(name, [register[_LIFE_A_AT], register[_LIFE_B_AT]], register[_PRE_EOL_AT])


def _wear(name: str, tenths: list[int], pre_eol: int) -> Wear | None:
    """A step n means up to n tenths are used; 0 is not defined, 11 past the end."""
    worst = max((value for value in tenths if 0 < value <= 11), default=0)
    if worst == 0 and pre_eol not in _PRE_EOL:
        return None
    return Wear(name, worst * 10, _PRE_EOL.get(pre_eol, ""))


class _NvmeCommand(ctypes.Structure):
    """struct nvme_passthru_cmd of <linux/nvme_ioctl.h>."""

    _fields_ = (
        ("opcode", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("rsvd1", ctypes.c_uint16),
        ("nsid", ctypes.c_uint32),
        ("cdw2", ctypes.c_uint32),
        ("cdw3", ctypes.c_uint32),
        ("metadata", ctypes.c_uint64),
        ("addr", ctypes.c_uint64),
        ("metadata_len", ctypes.c_uint32),
        ("data_len", ctypes.c_uint32),
        ("cdw10", ctypes.c_uint32),
        ("cdw11", ctypes.c_uint32),
        ("cdw12", ctypes.c_uint32),
        ("cdw13", ctypes.c_uint32),
        ("cdw14", ctypes.c_uint32),
        ("cdw15", ctypes.c_uint32),
        ("timeout_ms", ctypes.c_uint32),
        ("result", ctypes.c_uint32),
    )


def read_nvme(device: Path, *, ioctl: Callable[[int, int, _NvmeCommand], int] = fcntl.ioctl) -> Wear | None:
    """Get Log Page 02h, which changes nothing; None where we may not ask (it needs root)."""
    log = (ctypes.c_uint8 * _LOG_BYTES)()
    command = _NvmeCommand(opcode=0x02, nsid=0xFFFFFFFF, addr=ctypes.addressof(log), data_len=_LOG_BYTES)
    command.cdw10, command.timeout_ms = 0x02 | ((_LOG_BYTES // 4 - 1) << 16), 1000
    try:
        handle = os.open(device, os.O_RDONLY)
    except OSError:
        return None
    try:
        if ioctl(handle, _NVME_ADMIN, command) != 0:
            return None
    except OSError:
        return None
    finally:
        os.close(handle)
    return Wear(device.name, log[5], "its spare blocks run out" if log[0] & 1 else "")
