"""A power cut for SQLite files: a VFS that remembers what was synced, so that a test can throw the rest away.

The shim patches the methods of the system's own VFS in the SQLite library that Python's `sqlite3` is linked to: every
write, truncation and sync of a file passes here. `Disk.after_cut` gives the files as they would be found again:
what was synced, and of the later writes none, all or some.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import random
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from pathlib import Path

_XCLOSE, _XREAD, _XWRITE, _XTRUNCATE, _XSYNC = range(1, 6)
_METHODS = 19
"""Slots of sqlite3_io_methods up to version 3; the first holds the version."""
SECTOR = 512

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_Close = CFUNCTYPE(c_int, c_void_p)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, as far as it is looked into."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("path_size", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("rest", c_void_p * 14),
    )


@dataclass
class _File:
    """A file as it is on the disk for sure, and what was done to it since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for at, data in self.pending:
            apply(self.durable, at, data)
        self.pending.clear()


def apply(content: bytearray, at: int, data: bytes | None) -> None:
    """One write, or with None a truncation."""
    if data is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    content.extend(bytes(max(at + len(data) - len(content), 0)))
    content[at : at + len(data)] = data


class Disk:
    """What the disk of one directory holds for sure.

    Attributes:
        syncs, writes: how many there were.
        mirror: directory where the durable state is written at every sync; None nowhere.
        on_write: called after every write, outside no lock of SQLite: do not use the database in it.
    """

    def __init__(self, directory: Path, *, mirror: Path | None = None) -> None:
        self.directory, self.mirror = directory.resolve(), mirror
        self.files: dict[str, _File] = {}
        self.syncs = self.writes = 0
        self.on_write: Callable[[], None] | None = None
        if mirror is not None:
            mirror.mkdir(parents=True, exist_ok=True)

    def opened(self, path: str) -> None:
        """A file is opened; what is in it from before is durable."""
        file = Path(path)
        if path not in self.files and file.parent.resolve() == self.directory:
            self.files[path] = _File(bytearray(file.read_bytes() if file.exists() else b""))

    def wrote(self, path: str, at: int, data: bytes | None) -> None:
        """A write reached the system."""
        if path in self.files:
            self.files[path].pending.append((at, data))
            self.writes += 1
            if self.on_write is not None:
                self.on_write()

    def synced(self, path: str) -> None:
        """A sync has returned."""
        if path in self.files:
            self.files[path].sync()
            self.syncs += 1
            if self.mirror is not None:
                target = self.mirror / Path(path).name
                half = target.with_name(
                    f"{target.name}.half"
                )  # whole or not at all: this process may be killed here
                half.write_bytes(self.files[path].durable)
                half.replace(target)

    def deleted(self, path: str) -> None:
        """A file is gone."""
        self.files.pop(path, None)
        if self.mirror is not None:
            (self.mirror / Path(path).name).unlink(missing_ok=True)

    def after_cut(self, source: random.Random | None = None) -> dict[str, bytes]:
        """The files by name after a power cut now.

        Args:
            source: chooses what of the unsynced writes has reached the disk, sector by sector; None: nothing.
        """
        found = {}
        for path, file in self.files.items():
            content = bytearray(file.durable)
            for at, data in file.pending if source is not None else ():
                assert source is not None
                for begin in range(0, len(data or b" "), SECTOR):
                    if source.random() < 0.5:
                        apply(content, at + begin, None if data is None else data[begin : begin + SECTOR])
            found[Path(path).name] = bytes(content)
        return found


_library: ctypes.CDLL | None = None
_kept: list[object] = []
"""Callbacks and tables that SQLite points to for ever."""
_tables: dict[int, ctypes.Array[c_void_p]] = {}
_names: dict[int, str] = {}
_disks: list[Disk] = []


def library() -> ctypes.CDLL:
    """The SQLite library of `sqlite3`, whatever others are loaded. Raises `RuntimeError` where it is hidden."""
    found = ctypes.CDLL(_sqlite3.__file__)  # names are looked for in what the module is linked to, too
    if not hasattr(found, "sqlite3_vfs_find"):
        raise RuntimeError("this Python has SQLite built in; the shim needs the shared library")
    return found


def install() -> None:
    """Patch the default VFS, once in a process."""
    global _library  # noqa: PLW0603 - the library is one per process too
    if _library is not None:
        return
    _library = library()
    _library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    vfs = _library.sqlite3_vfs_find(None).contents
    real_open, real_delete = _Open(vfs.open), _Delete(vfs.delete)

    def opened(vfs_at: int, name: int, file: int, flags: int, out: object) -> int:
        status = int(real_open(vfs_at, name, file, flags, out))
        if status == 0 and name:
            path = ctypes.string_at(name).decode()
            _names[file] = path
            for disk in _disks:
                disk.opened(path)
            _patch(file)
        return status

    def deleted(vfs_at: int, name: bytes, sync: int) -> int:
        status = int(real_delete(vfs_at, name, sync))
        for disk in _disks:
            disk.deleted(name.decode())
        return status

    callbacks = (_Open(opened), _Delete(deleted))
    _kept.extend((real_open, real_delete, *callbacks))
    vfs.open, vfs.delete = (ctypes.cast(callback, c_void_p).value for callback in callbacks)


def _patch(file: int) -> None:
    """Give the open file a table of methods that tells us of writes."""
    slot = ctypes.cast(file, POINTER(c_void_p))
    known = slot[0]
    if known not in _tables:
        _tables[known] = _table(ctypes.cast(known, POINTER(c_void_p * _METHODS)).contents)
    slot[0] = ctypes.addressof(_tables[known])


def _table(real: ctypes.Array[c_void_p]) -> ctypes.Array[c_void_p]:
    table = (c_void_p * _METHODS)(*real)
    close, write, truncate, sync = (
        kind(real[at])
        for kind, at in ((_Close, _XCLOSE), (_Write, _XWRITE), (_Truncate, _XTRUNCATE), (_Sync, _XSYNC))
    )

    def closed(file: int) -> int:
        _names.pop(file, None)
        return int(close(file))

    def wrote(file: int, data: int, size: int, at: int) -> int:
        status = int(write(file, data, size, at))
        if status == 0:
            content = ctypes.string_at(data, size)
            _tell(file, lambda disk, path: disk.wrote(path, at, content))
        return status

    def truncated(file: int, size: int) -> int:
        status = int(truncate(file, size))
        if status == 0:
            _tell(file, lambda disk, path: disk.wrote(path, size, None))
        return status

    def synced(file: int, flags: int) -> int:
        status = int(sync(file, flags))
        if status == 0:
            _tell(file, lambda disk, path: disk.synced(path))
        return status

    callbacks = (_Close(closed), _Write(wrote), _Truncate(truncated), _Sync(synced))
    _kept.extend((close, write, truncate, sync, *callbacks))
    for at, callback in zip((_XCLOSE, _XWRITE, _XTRUNCATE, _XSYNC), callbacks, strict=True):
        table[at] = ctypes.cast(callback, c_void_p).value
    return table


def _tell(file: int, told: Callable[[Disk, str], None]) -> None:
    path = _names.get(file)
    for disk in _disks if path is not None else ():
        assert path is not None
        told(disk, path)


def watch(directory: Path, *, mirror: Path | None = None) -> Disk:
    """A disk under every database of a directory that is opened from now on."""
    install()
    disk = Disk(directory, mirror=mirror)
    _disks.append(disk)
    return disk


def forget(disk: Disk) -> None:
    """No more of this disk."""
    _disks.remove(disk)
