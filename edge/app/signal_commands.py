"""`edge signal`: recorded frames of signal controllers, of any protocol that the node speaks."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from edge.app.signal_decoders import DECODERS
from edge.core.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Look into what signal controllers say.")
_HEXADECIMAL = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2})+)")
_SEPARATORS = re.compile(r"[\s:,_-]+|(?<=[\s,])0x")
_LONGEST_PATH = 255
_NO_TEXT = re.compile(r"[^\t\r\n\x20-\x7e\xa0-\uffff]")
_FIELD_ENDS = re.compile(r"[,;\t|\"']+")
_OTHER_TEXT = ("{", "[", "<")
"""JSON and XML are messages themselves, whatever hexadecimal text is in them."""
_LEAST_IN_TABLE = 12
"""Octets of the shortest message looked for in a table; numbers and dates are shorter."""


@app.command()
def decode(
    source: Annotated[
        str,
        typer.Argument(
            help="hexadecimal text, a file (binary, or a frame in hexadecimal a line), or - for standard input"
        ),
    ],
    protocol: Annotated[str, typer.Option(help=f"what they are: {', '.join(DECODERS)}")],
) -> None:
    """Print frames as JSON, one a line: every field, and the signal groups with colours and ends in seconds.

    A bad frame is a line with "error", and the exit status is 1.

    Example: edge signal decode --protocol gb20999 7e001501000500000000000220010106060304010005acdd7d
    """
    if protocol not in DECODERS:
        raise ConfigError(
            "--protocol", f"no protocol is called {protocol!r}", remedy=f"one of {', '.join(DECODERS)}"
        )
    frames = DECODERS[protocol]()
    failed = False
    for octets in _messages(source):
        for shown in [{"error": octets}] if isinstance(octets, str) else frames(octets):
            failed |= "error" in shown
            print(json.dumps({"protocol": protocol} | shown, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)


def _messages(source: str) -> Iterator[bytes | str]:
    """What an argument means, message by message; a text is what is wrong with one."""
    if source == "-":
        yield from _from_octets(sys.stdin.buffer.read())
        return
    written = _hexadecimal(source)
    path = Path(source[:_LONGEST_PATH])
    if written is not None and not path.is_file():
        yield written
    elif path.is_file():
        yield from _from_octets(path.read_bytes())
    else:
        raise ConfigError(source[:60], "neither a file nor hexadecimal text", remedy="give one of them, or -")


def _from_octets(octets: bytes) -> Iterator[bytes | str]:
    """Lines of hexadecimal text or tables with such fields, with comments after #; or one recording as it is."""
    lines = _lines(octets)
    written = [_in_line(line) for line in lines]
    if not any(written):
        yield octets
        return
    for number, (line, messages) in enumerate(zip(lines, written, strict=True)):
        yield from messages
        if not messages and (number or not _FIELD_ENDS.search(line)):  # the head of a table is no message
            yield f"line {line[:40]!r} is not hexadecimal"


def _lines(octets: bytes) -> list[str]:
    """The lines of a text without comments; none where it is no text."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    if _NO_TEXT.search(text) or text.lstrip()[:1] in _OTHER_TEXT:
        return []
    bare = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in bare if line]


def _in_line(line: str) -> list[bytes]:
    """The message of a line, or those in the fields of a table."""
    whole = _hexadecimal(line)
    if whole is not None:
        return [whole]
    fields = [_hexadecimal(field) for field in _FIELD_ENDS.split(line)]
    return [field for field in fields if field is not None and len(field) >= _LEAST_IN_TABLE]


def _hexadecimal(text: str) -> bytes | None:
    """The octets of hexadecimal digits, with or without spaces, commas, colons or 0x in between; None: no such text."""
    joined = _SEPARATORS.sub("", f" {text}")
    match = _HEXADECIMAL.fullmatch(joined)
    return None if match is None else bytes.fromhex(match[1])
