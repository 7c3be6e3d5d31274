"""Messages out of recordings in their usual dress: hexadecimal text, logs, tables, hex dumps, captures, binary files.

A protocol tells where a message begins and how long it is (`Size`); whatever stands before one in a line, such as a
time, and the lines that a message is broken into, follow from that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from edge.app.packets import captured, packet_payload

Size = Callable[[bytes], int | None]
"""Least length of the message that these octets begin with; None: none begins here."""
_TOKEN = re.compile(r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9A-Fa-f]{2})+)(?![0-9A-Za-z])", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s:,_-]*")
_ESCAPES = re.compile(r"\\[xrnt]")
_ROW = re.compile(r"(?:0x)?([0-9a-fA-F]{4,8}):?(?:[ \t]+(.*))?")
_CELL = re.compile(r"((?:[0-9a-fA-F]{2}){1,8})( +|$)")
_ROW_OCTETS, _HALF_ROW = 32, 8
_NO_TEXT = re.compile(r"[^\t\r\n\f\x20-\x7e\xa0-\uffff]")
_FIELD_ENDS = re.compile(r"[,;\t|\"']+")
_DOCUMENTS = ("{", "[", "<")
_HEAD_OCTETS = 8
"""As many show whether a message begins."""
_LEAST_IN_LINE = 12
"""Octets of the shortest message looked for beside other text; numbers and dates are shorter."""


def messages(octets: bytes, size: Size) -> Iterator[bytes | str]:
    """The messages of a recording; a text is what is wrong with a line. Of a capture, only what looks like one."""
    payloads = captured(octets)
    if payloads is not None:
        yield from (payload for payload in payloads if size(payload) is not None)
        return
    text = None if size(octets) is not None else _text(octets)
    found = [] if text is None else list(messages_in_text(text, size))
    if any(isinstance(item, bytes) for item in found):
        yield from found
    else:
        yield octets


def messages_in_text(text: str, size: Size) -> Iterator[bytes | str]:
    """The messages written in a text, with comments after #; lines of JSON and XML without one are passed over."""
    document = text.lstrip()[:1] in _DOCUMENTS
    reader = _Lines(size, strict=not document)
    for line in text.splitlines():
        bare = line if document else line.partition("#")[0]
        if bare.strip():
            yield from reader.take(bare.strip())
    yield from reader.rest()


def _text(octets: bytes) -> str | None:
    """The recording as text; None: it is none."""
    wide = octets[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "gb18030"):
        try:
            text = octets.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _NO_TEXT.search(text) is None:
            return text
    return None


class _Lines:
    """Takes lines one by one; keeps what may go on in the next."""

    def __init__(self, size: Size, *, strict: bool) -> None:
        self._size, self._strict = size, strict
        self._begun = b""
        self._dump: bytes | None = None
        self._first = True
        self._odd: str | None = None

    def take(self, line: str) -> Iterator[bytes | str]:
        """What this line completes."""
        head, self._first = self._first and _FIELD_ENDS.search(line) is not None, False
        row = self._row(line)
        if row is not None:
            at, octets = row
            if at == 0:
                self._odd = None  # what stood over the dump
                yield from self.rest()
            self._dump = (self._dump or b"") + octets
            return
        if self._dump is not None or self._odd is not None:
            yield from self.rest()
        runs = [(whole, self._trimmed(run)) for whole, run in _runs(line)]
        told = [octets for whole, octets in runs if whole or self._begins(octets)]
        if not told and self._strict and not head:  # the head of a table is no message
            yield from self.rest()
            self._odd = f"line {line[:40]!r} is not hexadecimal"
        for octets in told:
            yield from self._gather(octets)

    def rest(self) -> Iterator[bytes | str]:
        """What was begun, as far as it goes, and what is wrong with the last line."""
        odd, self._odd = self._odd, None
        if odd is not None:
            yield odd
        dump, begun = self._dump, self._begun
        self._dump, self._begun = None, b""
        if begun:
            yield begun
        if dump is not None:
            inner = None if self._size(dump) is not None else packet_payload(dump)
            yield dump if inner is None else inner

    def _gather(self, octets: bytes) -> Iterator[bytes | str]:
        if self._size(octets) is not None:
            yield from self.rest()
        self._begun += octets
        least = self._size(self._begun)
        if least is None or len(self._begun) >= least:
            yield from self.rest()

    def _begins(self, octets: bytes) -> bool:
        return len(octets) >= _LEAST_IN_LINE and self._size(octets) is not None

    def _trimmed(self, tokens: list[bytes]) -> bytes:
        """The run from where a message begins; all of it where none does."""
        heads = (b"".join(tokens[at : at + _HEAD_OCTETS]) for at in range(len(tokens)))
        first = next((at for at, head in enumerate(heads) if self._size(head) is not None), 0)
        return b"".join(tokens[first:])

    def _row(self, line: str) -> tuple[int, bytes] | None:
        """Offset and octets of a row of a hex dump, which begins at 0 or goes on where the last one ended."""
        matched = _ROW.fullmatch(line)
        if matched is None:
            return None
        octets = _cells(matched[2] or "")
        offsets = [_number(matched[1], base) for base in (16, 8)]
        if self._dump is not None and len(self._dump) in offsets:
            return len(self._dump), octets
        return (0, octets) if 0 in offsets and octets else None


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None


def _cells(text: str) -> bytes:
    """The octets of a row before its column of characters, which a gap of two spaces or more divides off."""
    octets, at = b"", 0
    while len(octets) < _ROW_OCTETS:
        cell = _CELL.match(text, at)
        if cell is None:
            break
        octets += bytes.fromhex(cell[1])
        at, gap = cell.end(), len(cell[2])
        if gap > 2 or (gap > 1 and len(octets) != _HALF_ROW):
            break
    return octets


def _runs(line: str) -> Iterator[tuple[bool, list[bytes]]]:
    """Runs of hexadecimal octets with nothing but separators in between, and whether one is the whole line."""
    plain = _ESCAPES.sub(" ", line)
    run: list[bytes] = []
    start = end = 0
    for token in _TOKEN.finditer(plain):
        if run and _BETWEEN.fullmatch(plain, end, token.start()) is None:
            yield False, run
            run = []
        start = start if run else token.start()
        run.append(bytes.fromhex(token[1]))
        end = token.end()
    if run:
        yield _BETWEEN.fullmatch(plain[:start] + plain[end:]) is not None, run
