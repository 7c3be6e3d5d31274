"""`edge signal`: what signal controllers said, looked into."""

from __future__ import annotations

import typer

from edge.app import signal_predict

app = typer.Typer(no_args_is_help=True, help="Look into what signal controllers say.")


@app.callback()
def _signal() -> None:
    """Keep the name of a single command."""


app.command("predict")(signal_predict.predict)
