"""Who may ask: programs and pages of this machine, by the page's own address.

The server listens on the loopback address. Another site that a browser shows could still reach it:
by a name of its own that leads to 127.0.0.1 (so `Host` has to be a name of this machine), or by a
form or a script that posts to it (so `Origin` has to be the page's own).
"""

import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.ASCII)
READING = ("GET", "HEAD")
OWN = ("same-origin", "none")  # of Sec-Fetch-Site; none: typed by the user
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Guard:
    """Answers 403 to what comes from elsewhere; adds HEADERS to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                if message["status"] >= 400:  # a body that was not read is not waited for
                    own.append((b"connection", b"close"))
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        reason = refusal(scope["method"], Headers(scope=scope))
        app = PlainTextResponse(f"{reason}\n", 403) if reason else self.app
        await app(scope, receive, send_guarded)


def refusal(method: str, headers: Headers) -> str:
    """Why a request is refused, or nothing."""
    host = headers.get("host", "")
    if not HOST.fullmatch(host):
        return "found another Host, wanted 127.0.0.1 or localhost"
    if method in READING:
        return ""
    if headers.get("origin", f"http://{host}") != f"http://{host}":
        return "found another Origin, wanted the page's own"
    if headers.get("sec-fetch-site", "none") not in OWN:
        return "found a request of another site, wanted one of the page"
    return ""
