"""The command line `edge`: every command says what it does, with an example; errors are one clear line."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `edge` command."""
    try:
        import typer  # noqa: F401, PLC0415 - absent in the base install, which is the SDK alone
    except ModuleNotFoundError:
        sys.exit(
            "edge: the base install holds the vehicle SDK only; for the commands: pip install 'roadside-edge[node]'"
        )
    from edge.app.commands import run  # noqa: PLC0415 - needs typer

    sys.exit(run())
