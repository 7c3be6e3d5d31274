"""`edge v2x`: decode, encode and measure V2X messages of any set."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.core.errors import CodecError, ConfigError
from edge.v2x.codec import message_codec, messages
from edge.v2x.jer import from_json, to_json
from edge.v2x.whole import SETS, Whole, decode_message, encode_message, recognise

app = typer.Typer(
    no_args_is_help=True, help="Decode, encode and measure V2X messages (T/CSAE, SAE J2735, ETSI)."
)
_LONGEST_PATH = 255
_HEXADECIMAL = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2})+)")


@app.command()
def decode(
    source: Annotated[
        str,
        typer.Argument(
            help="hexadecimal text, a file (binary, or a message in hexadecimal a line), or - for standard input"
        ),
    ],
    raw: Annotated[
        bool, typer.Option("--raw", help="the standard's own numbers (JSON encoding rules, ITU-T X.697)")
    ] = False,
    message_set: Annotated[str, typer.Option("--set", help=f"{', '.join(SETS)}; auto finds out")] = "auto",
) -> None:
    """Print messages as JSON, one a line: what it is, and every field in its unit.

    Example: edge v2x decode 0014250D4D0C9918EB5C26D0FA1F145EFB53239FFFFFFFFFF00054A6FDFA1FA1007FFF8000000000
    """
    failed = 0
    for datagram in _datagrams(source):
        try:
            found = _read(datagram, message_set)
        except CodecError as error:
            failed += 1
            print(json.dumps({"error": str(error), "octets": datagram.hex()[:80]}))
            continue
        value = to_json(found.message, found.value, units=not raw)
        edition = message_codec(found.message).edition
        shown = {"message": found.message, "edition": edition, "framing": found.framing, "value": value}
        print(json.dumps(shown, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)


@app.command()
def encode(
    file: Annotated[str, typer.Argument(help='JSON as "decode --raw" prints it, or - for standard input')],
) -> None:
    """Print the message of a JSON file in hexadecimal.

    Example: edge v2x decode --raw 0014... > bsm.json && edge v2x encode bsm.json
    """
    for line in filter(None, map(str.strip, _documents(_text(file)))):
        try:
            document = json.loads(line)
            message, value = document["message"], document["value"]
        except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
            raise ConfigError(
                file, f'not {{"message": ..., "value": ...}}: {error}', remedy="see edge v2x decode --raw"
            ) from error
        if not isinstance(message, str) or message not in messages():
            raise ConfigError(
                file, f"no message is called {message!r}", remedy=f"one of {', '.join(messages())}"
            )
        print(encode_message(message, from_json(message, value)).hex().upper())


@app.command()
def bench(
    source: Annotated[str, typer.Argument(help="messages as for decode")],
    seconds: Annotated[float, typer.Option(help="CPU time per message and direction")] = 0.5,
) -> None:
    """Measure how many of these messages this machine decodes and encodes a second, on one core.

    Example: edge v2x bench 0014250D4D0C9918EB5C26D0FA1F145EFB53239FFFFFFFFFF00054A6FDFA1FA1007FFF8000000000
    """
    for datagram in _datagrams(source):
        found = _read(datagram, "auto")
        figures = {
            "message": found.message,
            "bytes": len(found.payload),
            "decode_per_s": _rate(
                lambda found=found: decode_message(found.payload, message_set=found.message.split("/")[0]),
                seconds,
            ),
            "encode_per_s": _rate(lambda found=found: encode_message(found.message, found.value), seconds),
        }
        print(json.dumps(figures))


def _read(datagram: bytes, message_set: str) -> Whole:
    if message_set == "auto":
        return recognise(datagram)
    if message_set not in SETS:
        raise ConfigError(
            "--set", f"no set is called {message_set!r}", remedy=f"one of {', '.join(SETS)}, auto"
        )
    key, value = decode_message(datagram, message_set=message_set)
    return Whole("plain", key, datagram, value)


def _datagrams(source: str) -> Iterator[bytes]:
    """What an argument means: a message, a file, or standard input."""
    if source == "-":
        yield from _from_octets(sys.stdin.buffer.read())
        return
    written = _HEXADECIMAL.fullmatch(source.strip())
    if written is not None:
        yield bytes.fromhex(written[1])
        return
    yield from _from_octets(_file(source).read_bytes())


def _from_octets(octets: bytes) -> Iterator[bytes]:
    """Lines of hexadecimal text, lines as `decode --raw` prints them, or one datagram as it is."""
    lines = [line.strip() for line in octets.split(b"\n") if line.strip()]
    try:
        written = [_HEXADECIMAL.fullmatch(line.decode("ascii")) for line in lines]
    except UnicodeDecodeError:
        written = [None]
    if lines and None not in written:
        yield from (bytes.fromhex(match[1]) for match in written if match is not None)
    else:
        yield octets


def _documents(text: str) -> Iterator[str]:
    """One JSON document, or one in each line."""
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        yield from text.splitlines()
    else:
        yield text


def _text(source: str) -> str:
    """The text of a file or of standard input."""
    octets = sys.stdin.buffer.read() if source == "-" else _file(source).read_bytes()
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(source, f"no UTF-8 text: {error}", remedy="give JSON") from error


def _file(name: str) -> Path:
    path = Path(name[:_LONGEST_PATH])
    if not path.is_file():
        raise ConfigError(name[:60], "neither a file nor hexadecimal text", remedy="give one of them, or -")
    return path


def _rate(work: Any, seconds: float) -> int:
    """Calls a second of CPU time."""
    work()
    count, spent, start = 0, 0.0, time.process_time()
    while spent < seconds:
        for _ in range(50):
            work()
        count += 50
        spent = time.process_time() - start
    return round(count / spent)
