"""The commands themselves; heavy imports happen inside each, so that `edge --help` is quick."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from edge.app import centre_commands, certificate_commands, model_commands, validate_command
from edge.app.log_format import log_format
from edge.core.errors import ConfigError, EdgeError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Roadside edge node: fuses cameras, V2X and the signal controller, and broadcasts one live picture.",
)
if (
    importlib.util.find_spec("bitstruct") is not None
):  # absent where only the centre or the scoring is installed
    from edge.app import signal_commands, v2x_commands

    app.add_typer(v2x_commands.app, name="v2x")
    app.add_typer(signal_commands.app, name="signal")
app.add_typer(model_commands.app, name="models")
app.add_typer(certificate_commands.app, name="certs")
app.command()(validate_command.validate)
app.command()(centre_commands.history)
app.command()(centre_commands.command)
_errors = Console(stderr=True, emoji=False)  # :100: is a line, no picture
SiteArgument = Annotated[
    Path, typer.Argument(help="site file, e.g. deploy/site/site.toml", show_default=False)
]
NoBlurOption = Annotated[
    bool, typer.Option("--no-blur", help="show road users, where the site file allows it")
]
CertsOption = Annotated[
    Path | None, typer.Option(help="folder of certificates, as edge certs issue makes it")
]
CarDataOption = Annotated[
    Path | None,
    typer.Option(help="with --from-cars: solve what a node collected, its state/calibration/CAMERA.npz"),
]


def run() -> int:
    """Run the command line; returns the exit status."""
    try:
        status = app(standalone_mode=False)  # the status of a `typer.Exit` comes back, it is not raised
    except EdgeError as error:
        return _explain(error)
    except BaseExceptionGroup as group:
        known = group.subgroup(EdgeError)
        if known is None:
            raise
        return _explain(_first(known))
    except ModuleNotFoundError as error:
        return _explain(_missing(error))
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:  # click's usage errors know how to show themselves
        if not hasattr(error, "show"):
            raise
        error.show()
        return 2
    return status if isinstance(status, int) else 0


def _explain(error: BaseException) -> int:
    """One clear line for a person; returns the exit status."""
    _errors.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    return 2


def _missing(error: ModuleNotFoundError) -> Exception:
    """A command of another extra; a module of our own is a fault, and shown whole."""
    name = (error.name or "").partition(".")[0]
    if name in {"", "edge", "hw"}:
        raise error
    return ConfigError(
        "", f"{name} is not installed", remedy="this command needs more: pip install 'roadside-edge[node]'"
    )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _logging(verbose: bool) -> None:
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, format=log_format())
    for noisy in ("asyncio", "amqtt", "transitions", "numba", "uvicorn.access", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _loop(work: Coroutine[Any, Any, int | None]) -> None:
    status = asyncio.run(work)
    if status:
        raise typer.Exit(status)


@app.command("run")
def run_command(
    site: SiteArgument,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="log more")] = False,
) -> None:
    """Run the node of one site until stopped.

    Example: edge run deploy/site/site.toml
    """
    _logging(verbose)
    from edge.app.front import run_node  # noqa: PLC0415 - heavy
    from edge.config import load_site  # noqa: PLC0415 - heavy

    _loop(run_node(load_site(site), site_path=site.resolve()))


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(help="how long to run; 0: until Ctrl-C")] = 120.0,
    seed: Annotated[int, typer.Option(help="of the simulated traffic")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="keep site file, logs and figures in this directory")
    ] = None,
    web_port: Annotated[
        int, typer.Option(help="port of the live page; 0: any free one, for gRPC too")
    ] = 8080,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="log more")] = False,
) -> None:
    """Run a whole intersection on this machine: simulated road users, cameras, radio, controller, and the centre.

    The last line is one JSON object with the figures of the run.

    Example: edge demo --seconds 60
    """
    from edge.app.demo import run_demo  # noqa: PLC0415 - heavy

    _logging(verbose)
    if not verbose:
        logging.getLogger().setLevel(logging.ERROR)
    _loop(run_demo(seconds=seconds, seed=seed, keep=keep, web_port=web_port))


@app.command()
def centre(  # noqa: PLR0913, PLR0917 - one argument an option
    grpc: Annotated[str, typer.Option(help="address that nodes and queries connect to")] = "127.0.0.1:50060",
    web: Annotated[str, typer.Option(help="address of the live page")] = "127.0.0.1:8080",
    certs: CertsOption = None,
    audit: Annotated[
        Path | None, typer.Option(help="log of refused callers, JSON lines; without it: none")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="directory that keeps the nodes' history; without it: nodes keep theirs"),
    ] = None,
    history_mb: Annotated[int, typer.Option(min=64, help="most disk that it takes")] = 20_000,
    history_days: Annotated[float, typer.Option(min=0.01, max=3660, help="how long it is kept")] = 90.0,
    allow_plaintext: Annotated[bool, typer.Option(help="no TLS, for nodes of this machine only")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="log more")] = False,
) -> None:
    """Run the traffic centre: nodes connect to it, it keeps the live state of all and shows it on a page.

    Example: edge centre --grpc 0.0.0.0:50060 --certs certs/centre --state /var/lib/roadside-centre
    """
    _logging(verbose)
    from edge.app.centre_process import check_addresses, run_centre_process  # noqa: PLC0415 - heavy

    check_addresses(grpc=grpc, web=web, certs=certs, allow_plaintext=allow_plaintext)
    history = {"history_mb": history_mb, "history_days": history_days}
    _loop(run_centre_process(grpc, web, certs=certs, audit=audit, state=state, **history))


@app.command()
def watch(
    address: Annotated[str, typer.Argument(help="node, host:port")] = "127.0.0.1:50051",
    once: Annotated[bool, typer.Option(help="print one picture and end")] = False,
    svg: Annotated[Path | None, typer.Option(help="write the last picture to this SVG file")] = None,
    seconds: Annotated[float | None, typer.Option(help="end after this time")] = None,
    certs: CertsOption = None,
    server_name: Annotated[
        str, typer.Option(help="name in the node's certificate, where it is not the host of the address")
    ] = "",
) -> None:
    """Watch an intersection in the terminal: signal heads, road users, lanes, health.

    Example: edge watch crossing-12.example.org:50051 --certs certs/tablet
    """
    from edge.app.watch import watch as watch_node  # noqa: PLC0415 - heavy
    from edge.sdk import Credentials  # noqa: PLC0415 - with it

    credentials = None if certs is None else Credentials.from_folder(certs, server_name=server_name)
    _loop(watch_node(address, once=once, svg=svg, duration_s=seconds, credentials=credentials))


@app.command()
def doctor(site: SiteArgument) -> None:
    """Check a site before it goes live: configuration, map, cameras, model, clock, ports, broker, controller.

    Example: edge doctor deploy/site/site.toml
    """
    from edge.app.doctor import run_doctor  # noqa: PLC0415 - heavy
    from edge.config import load_site  # noqa: PLC0415 - heavy

    _loop(run_doctor(load_site(site)))


@app.command()
def detect(  # noqa: PLR0913, PLR0917 - one argument an option
    source: Annotated[
        str,
        typer.Argument(help="a picture, a video, a folder of pictures, or an address", show_default=False),
    ],
    model: Annotated[
        str, typer.Option(help="a shipped model, the path of an .onnx file, or background")
    ] = "roadside-nano",
    draw: Annotated[Path | None, typer.Option(help="write the picture or video with boxes")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a picture")] = False,
    confidence: Annotated[
        float | None, typer.Option(min=0.001, max=0.999, help="threshold; without it: the model's own")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="of one inference")] = 1,
    provider: Annotated[
        list[str] | None, typer.Option(help="cpu, cuda, tensorrt, openvino, qnn ...; best first")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="take every so many pictures of a video")] = 1,
    frames: Annotated[int | None, typer.Option(min=1, help="stop after so many pictures")] = None,
    blur: Annotated[bool, typer.Option("--blur", help="blur road users in what is drawn")] = False,
) -> None:
    """Find road users in pictures or a video with any detector; layouts are in edge/perception/README.md.

    Example: edge detect street.mp4 --model yolox_nano.onnx --draw found.mp4
    """
    from edge.app.detect import run_detect  # noqa: PLC0415 - heavy

    run_detect(
        source,
        model=model,
        draw=draw,
        as_json=as_json,
        confidence=confidence,
        threads=threads,
        providers=tuple(provider or ("cpu",)),
        every=every,
        frames=frames,
        blur=blur,
    )


@app.command()
def record(
    site: SiteArgument,
    camera: Annotated[str, typer.Option(help="name of the camera in the site file", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="clip to write, .mp4; stamps and boxes go to .jsonl")
    ] = None,
    still: Annotated[Path | None, typer.Option(help="picture to write, .png or .jpg")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600.0, help="of the clip")] = 60.0,
    model: Annotated[
        str | None, typer.Option(help="detector that finds whom to blur; without it: the camera's")
    ] = None,
    no_blur: NoBlurOption = False,
) -> None:
    """Record a camera, with road users blurred; it needs no calibration.

    Example: edge record deploy/site/site.toml --camera north --seconds 60 --out north.mp4
    """
    _logging(verbose=False)
    from edge.app.record import Wanted, run_record  # noqa: PLC0415 - heavy

    wanted = Wanted(out, still, seconds)
    run_record(site, camera=camera, wanted=wanted, unblurred=no_blur, model=model, say=typer.echo)


@app.command()
def calibrate(  # noqa: PLR0913, PLR0917 - the options of a command
    site: SiteArgument,
    camera: Annotated[
        str | None, typer.Option(help="name of the camera in the site file; without it: the only one")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="picture to calibrate on; without it: one frame of the camera")
    ] = None,
    ortho: Annotated[
        Path | None, typer.Option(help="aerial picture behind the map, with its world file beside it")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="of the page; 0: any free one")] = 8099,
    host: Annotated[str, typer.Option(help="address of this machine that the page listens on")] = "127.0.0.1",
    allow_plaintext: Annotated[
        bool, typer.Option(help="serve off loopback without TLS (closed networks)")
    ] = False,
    no_blur: NoBlurOption = False,
    from_cars: Annotated[
        bool,
        typer.Option("--from-cars", help="no page: show and take over what connected cars say of the camera"),
    ] = False,
    car_data: CarDataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="with --from-cars: do not ask")] = False,
) -> None:
    """Calibrate a camera in the browser: click points in the picture and on the map, see the lanes fit, save.

    The camera needs a name and a source in the site file, no points yet. Saving changes its points and image_size
    only; the file as it was before is kept as SITE.toml.bak.

    Example: edge calibrate deploy/site/site.toml --camera north --image north.jpg
    """
    if from_cars:
        from edge.app.calibrate_cars import take_over  # noqa: PLC0415 - heavy

        take_over(site, camera=camera, data=car_data, agreed=yes, say=typer.echo, ask=typer.confirm)
        return
    from edge.app import calibrate as page  # noqa: PLC0415 - heavy

    _logging(verbose=False)
    page.check_host(host, allow_plaintext=allow_plaintext)
    server = page.make_server(
        site,
        camera=camera,
        image=image,
        ortho=ortho,
        host=host,
        port=port,
        unblurred=no_blur,
        say=typer.echo,
    )
    page.serve(server, say=typer.echo)


@app.command()
def fuse(
    scans: Annotated[Path, typer.Argument(help="recorded scans, a JSON object a line; - for standard input")],
    out: Annotated[Path | None, typer.Option(help="file of tracks; standard output without it")] = None,
    sensors: Annotated[
        Path | None, typer.Option(help="TOML file that describes the sensors; without it: usual ones")
    ] = None,
    replay_ms: Annotated[
        int, typer.Option(min=0, max=5000, help="how late a scan may come and still be used in order")
    ] = 400,
) -> None:
    """Run the tracker over recorded scans of any origin; the formats are in edge/fusion/README.md.

    Example: edge fuse scans.jsonl --sensors sensors.toml --out tracks.jsonl
    """
    from edge.app.fuse import run_fuse  # noqa: PLC0415 - heavy

    run_fuse(scans, out=out, sensors=sensors, replay_ms=replay_ms)


@app.command()
def evaluate(
    truth: Annotated[Path, typer.Option(help="file of the truth, a JSON object a line")],
    tracks: Annotated[Path, typer.Option(help="file of tracks, as edge fuse writes it")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object with every figure")] = False,
    radius: Annotated[
        float | None, typer.Option(min=0.0, help="leave out what is farther from the origin, m")
    ] = None,
    skip: Annotated[float, typer.Option(min=0.0, help="leave out so many seconds at the beginning")] = 0.0,
) -> None:
    """Score tracks against the truth: HOTA, IDF1, MOTA, GOSPA, RMSE, NEES and more; see edge/evaluation/README.md.

    Example: edge evaluate --truth truth.jsonl --tracks tracks.jsonl
    """
    from edge.app.evaluate import run_evaluate  # noqa: PLC0415 - heavy

    run_evaluate(truth, tracks, as_json=as_json, radius_m=radius, skip_s=skip)


@app.command()
def warm(
    state: Annotated[Path, typer.Option(help="state directory that keeps the compiled kernels")] = Path(
        "state"
    ),
) -> None:
    """Compile the fusion kernels ahead of time, so that a restart is quick.

    Example: edge warm --state /var/lib/roadside-edge
    """
    from edge.app.kernels import warm_kernels  # noqa: PLC0415 - heavy

    typer.echo(f"kernels ready in {warm_kernels(state):.1f} s, kept in {state}")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(importlib.metadata.version("roadside-edge"))
