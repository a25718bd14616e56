"""The page as a web application: three files, and one address that scores what is sent to it."""

import asyncio
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import report
from ..detector.detect import Detector
from ..detector.result import plain
from ..errors import UserError, printable
from ..metrics import COSTS
from ..report.html import table, wrapped
from . import limits
from .about import About
from .guard import Guard
from .limits import Refused
from .spectrogram import as_record
from .uploads import clean_name, in_time, receive, sound_of

HERE = Path(__file__).parent
LOOKS = Path(next(iter(report.__path__)), "page.css")  # those of the report
WAITING = 8  # requests whose sounds are in memory
TESTED = ("tested on", "EER %", "95 % interval", "bona fide", "spoof")


def create_app(detector: Detector, about: About) -> Starlette:
    """The application around a detector. It scores one sound at a time; others wait."""
    page = _page(detector, about)
    style = LOOKS.read_text("utf-8") + (HERE / "page.css").read_text("utf-8")
    scripts = {name: (HERE / name).read_text("utf-8") for name in ("page.js", "timeline.js")}
    turn, waiting = asyncio.Lock(), asyncio.Semaphore(WAITING)

    async def detect(request: Request) -> Response:
        name = clean_name(request.query_params.get("name", ""))
        try:
            if waiting.locked():
                raise Refused(f"{name}: {WAITING} sounds wait already; try again later", 503)
            async with waiting:
                data = await in_time(receive(request, name), name)
                async with turn:
                    return JSONResponse(await run_in_threadpool(score, detector, data, name))
        except UserError as error:
            line = " ".join(printable(error).split())
            return JSONResponse({"error": line}, getattr(error, "status", 422))
        except ClientDisconnect:
            return Response(status_code=400)

    def fixed(text: str, kind: str) -> Any:
        async def answer(_: Request) -> Response:
            return Response(text, media_type=kind)

        return answer

    async def no_icon(_: Request) -> Response:
        return Response(status_code=204)

    routes = [
        Route("/", fixed(page, "text/html")),
        Route("/page.css", fixed(style, "text/css")),
        *(Route(f"/{name}", fixed(text, "text/javascript")) for name, text in scripts.items()),
        Route("/favicon.ico", no_icon),
        Route("/detect", detect, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard)])


def score(detector: Detector, data: bytes, name: str) -> dict[str, Any]:
    """What the page shows of a file's bytes, as JSON has it. Raises UserError."""
    sound = sound_of(data, name)
    return {**plain(detector(sound)), "spectrogram": as_record(sound.wave)}


def _page(detector, about):
    templates = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [[wrapped(row[0]), *row[1:]] for row in about.rows]
    return templates.get_template("page.html").render(
        about=about,
        tested=table(TESTED, rows, "How often it is wrong") if rows else "",
        bytes=limits.BYTES,
        seconds=limits.SECONDS,
        prior=detector.prior,
        threshold=detector.threshold,
        window=detector.system.seconds,
        cost=COSTS["c_fa"] / COSTS["c_miss"],
    )
