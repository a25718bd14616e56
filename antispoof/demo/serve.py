"""How the page is served: on the loopback address, and nowhere else."""

import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from ..errors import UserError

LOOPBACK = "127.0.0.1"
GRACE = 3  # seconds that a request has at the end


class Server(uvicorn.Server):
    """Calls `ready` once it serves and ends by itself at a signal."""

    ready: Callable[[], None]

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Logs no warning of this project meanwhile: one may name a file."""
        log = logging.getLogger("antispoof")
        before = log.level
        log.setLevel(logging.ERROR)
        try:
            await super().serve(sockets)
        finally:
            log.setLevel(before)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()


def make_server(app: ASGIApp, ready: Callable[[], None] = lambda: None) -> Server:
    """A server that logs no request and asks nothing of other machines; `ready`: see Server."""
    server = Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE,
        )
    )
    server.ready = ready
    return server


def listen(port: int) -> socket.socket:
    """A socket of the loopback address, at which requests wait for their answer from here on.

    port: 0 for one that is free. Raises UserError where it is taken.
    """
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--port {port}: {reason}; wanted a port that is free") from None
    return listening


def address_of(listening: socket.socket) -> str:
    """What a browser opens."""
    return f"http://{LOOPBACK}:{listening.getsockname()[1]}/"
