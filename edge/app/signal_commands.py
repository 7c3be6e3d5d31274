"""`edge signal`: recorded frames of signal controllers, of any protocol that the node speaks; logs of their events."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from edge.app import signal_predict
from edge.app.recordings import Size, messages, messages_in_text
from edge.app.signal_decoders import DECODERS, SIZES, json_size
from edge.core.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Look into what signal controllers say.")
app.command("predict")(signal_predict.predict)
_LONGEST_PATH = 255


@app.command()
def decode(
    source: Annotated[
        list[str],
        typer.Argument(
            help="hexadecimal text, or files (binary, hexadecimal text, logs, tables, hex dumps, pcap), or - for"
            " standard input"
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
    for octets in _messages(source, SIZES.get(protocol, json_size)):
        for shown in [{"error": octets}] if isinstance(octets, str) else frames(octets):
            failed |= "error" in shown
            print(json.dumps({"protocol": protocol} | shown, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)


def _messages(sources: list[str], size: Size) -> Iterator[bytes | str]:
    """What the arguments mean, message by message; a text is what is wrong with one."""
    if sources == ["-"]:
        yield from messages(sys.stdin.buffer.read(), size)
        return
    paths = [Path(source[:_LONGEST_PATH]) for source in sources]
    if all(path.is_file() for path in paths):
        for path in paths:
            yield from messages(path.read_bytes(), size)
        return
    written = " ".join(sources)
    plain = written.encode("utf-8", "surrogateescape")
    found = [plain] if size(plain) is not None else list(messages_in_text(written, size))
    if all(isinstance(message, str) for message in found):
        raise ConfigError(
            written[:60], "neither a file nor hexadecimal text", remedy="give one of them, or -"
        )
    yield from found
