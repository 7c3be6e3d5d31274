"""`edge certs`: a development PKI; each command ends with what to do next."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from edge.access.roles import Role

app = typer.Typer(no_args_is_help=True, help="Certificates for trials: an authority, roles, revocation.")
PkiOption = Annotated[Path, typer.Option(help="folder of the authority")]
NameArgument = Annotated[str, typer.Argument(help="of the certificate, e.g. crossing-12", show_default=False)]
DEFAULT = Path("certs")


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="folder to make")] = DEFAULT) -> None:
    """Make an authority: a key that signs certificates, and an empty revocation list.

    Example: edge certs init certs
    """
    from edge.access.pki import Pki  # noqa: PLC0415 - needs cryptography

    Pki.create(folder)
    _say(
        f"{folder}/ca/ca.key signs for ten years: keep it to yourself, servers and clients never need it",
        f"edge certs issue crossing-12 --role rsu --host crossing-12.example.org --pki {folder}",
    )


@app.command()
def issue(
    name: NameArgument,
    role: Annotated[
        list[Role] | None, typer.Option(help="what its holder may do; may be given several times")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="DNS name or address that clients connect to; for servers")
    ] = None,
    server: Annotated[
        bool, typer.Option("--server", help="a server without a role, e.g. an MQTT broker")
    ] = False,
    days: Annotated[
        int | None, typer.Option(min=1, max=825, help="lifetime; default: 90 for servers, 30 for others")
    ] = None,
    pki: PkiOption = DEFAULT,
) -> None:
    """Make a key and a certificate. The name of a node's certificate is its site.id.

    Example: edge certs issue bus-17 --role vehicle
    """
    from edge.access.pki import Pki, check_name  # noqa: PLC0415 - needs cryptography

    check_name(name)
    roles = role or []
    folder = Pki(pki).issue(name, roles=roles, hosts=host or [], server=server, days=days)
    _say(f"{folder} holds what {name} needs; key.pem is readable for you alone", _next_use(folder, roles))


@app.command()
def rotate(name: NameArgument, pki: PkiOption = DEFAULT) -> None:
    """Replace key and certificate by new ones; the old certificate stays valid until it ends or is revoked.

    Example: edge certs rotate crossing-12
    """
    from edge.access.pki import Pki  # noqa: PLC0415 - needs cryptography

    folder = Pki(pki).rotate(name)
    _say(
        f"{folder} holds a new key and certificate",
        f"copy {folder} over the files in use: a running server takes them within a second, streams go on",
    )


@app.command()
def revoke(name: NameArgument, pki: PkiOption = DEFAULT) -> None:
    """Revoke every certificate of a name: servers that read the new list refuse it, and end its streams.

    Example: edge certs revoke bus-17
    """
    from edge.access.pki import Pki  # noqa: PLC0415 - needs cryptography

    count = Pki(pki).revoke(name)
    _say(
        f"{count} of {name} revoked; the servers' folders in {pki} have the new list",
        f"copy {pki}/revoked.pem over tls.revoked of every node: it counts within a second",
    )


@app.command()
def show(pki: PkiOption = DEFAULT) -> None:
    """List the certificates of an authority.

    Example: edge certs show
    """
    from edge.access.certificates import to_text  # noqa: PLC0415 - needs cryptography
    from edge.access.pki import Pki  # noqa: PLC0415 - with it

    issued, now_ns = Pki(pki).issued, time.time_ns()
    table = Table("name", "roles", "hosts", "ends", "state", "serial", box=None)
    for entry in issued:
        state = "revoked" if entry.revoked_ns else "ended" if entry.expires_ns < now_ns else "valid"
        roles, hosts = ", ".join(entry.roles) or "server", ", ".join(entry.hosts)
        table.add_row(entry.name, roles, hosts, to_text(entry.expires_ns), state, entry.serial[:12])
    Console().print(table)
    soon = [e.name for e in issued if not e.revoked_ns and 0 < e.expires_ns - now_ns < 7 * 86_400 * 10**9]
    if soon:
        _say(f"{', '.join(soon)} end within a week", f"edge certs rotate {soon[0]} --pki {pki}")


def _next_use(folder: Path, roles: list[Role]) -> str:
    if Role.RSU in roles:
        text = "".join(
            f'\n    {key} = "{folder.resolve() / file}"'
            for key, file in (
                ("certificate", "certificate.pem"),
                ("key", "key.pem"),
                ("authority", "ca.pem"),
                ("revoked", "revoked.pem"),
            )
        )
        return f"write into the site file\n    [tls]{text}\n  then: edge doctor SITE.toml"
    if Role.CENTRE in roles:
        return f"edge centre --certs {folder}"
    if Role.OBSERVER in roles or Role.OPERATOR in roles:
        return f"edge watch HOST:50051 --certs {folder}"
    if Role.VEHICLE in roles:
        return f'copy it to the vehicle: EdgeClient("HOST:50051", credentials=Credentials.from_folder("{folder.name}"))'
    return f"give {folder} to the server"


def _say(done: str, following: str) -> None:
    typer.echo(f"{done}\nnext: {following}")
