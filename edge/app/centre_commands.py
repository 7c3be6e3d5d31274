"""`edge history` and `edge command`: what a centre has kept of a node, and a signed command to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CentreOption = Annotated[str, typer.Option(help="the centre, host:port")]
CertsOption = Annotated[
    Path | None, typer.Option(help="folder of certificates, as edge certs issue makes it")
]
CENTRE = "127.0.0.1:50060"


def history(
    node: Annotated[str, typer.Argument(help="id of the node", show_default=False)],
    centre: CentreOption = CENTRE,
    certs: CertsOption = None,
    limit: Annotated[int, typer.Option(min=0, help="most records; 0: all")] = 0,
    after: Annotated[str, typer.Option(help="begin after this record, EPOCH:SEQUENCE")] = "",
) -> None:
    """Print what the centre has kept of a node, one JSON object a record, oldest first.

    Example: edge history crossing-0001 --limit 100
    """
    from edge.app.centre_calls import Centre, print_history  # noqa: PLC0415 - heavy

    print_history(node, Centre(centre, certs), limit=limit, after=after, say=typer.echo)


def command(  # noqa: PLR0913, PLR0917 - one argument an option
    node: Annotated[str, typer.Argument(help="id of the node", show_default=False)],
    key: Annotated[Path, typer.Option(help="private key, Ed25519 in PEM", show_default=False)],
    centre: CentreOption = CENTRE,
    certs: CertsOption = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=JSON of the site file, for its next start")
    ] = None,
    new_map: Annotated[
        Path | None, typer.Option("--map", help="J2735 MAP as JSON, for its next start")
    ] = None,
    cycle: Annotated[float | None, typer.Option(help="advice to the signal plan: cycle, s")] = None,
    offset: Annotated[float | None, typer.Option(help="advice: offset, s")] = None,
    green: Annotated[list[str] | None, typer.Option(help="advice: GROUP=SECONDS")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440.0, help="how long it may be taken")] = 5.0,
) -> None:
    """Sign a command, hand it to the centre, and print what the node did with it; the node may refuse.

    Example: edge command crossing-0001 --key centre.pem --set centre.rate_hz=5
    """
    from edge.app.centre_calls import Centre, make_order, send_order  # noqa: PLC0415 - heavy

    order = make_order(values or [], new_map, cycle=cycle, offset=offset, green=green or [])
    if not send_order(order, node, Centre(centre, certs), key=key, life_s=minutes * 60.0, say=typer.echo):
        raise typer.Exit(1)
