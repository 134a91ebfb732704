"""``toymanifold explore``: a live page, whose scene is computed anew while a teacher moves its controls.

One process, reached from this machine only, which answers its own page only. Scenes are computed one after another, of
those that wait the newest first; a scene whose client has gone is not started.
"""

import contextlib
import dataclasses
import os
import signal
import socket
from types import FrameType
from typing import get_args

import anyio
import torch
import uvicorn
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from threadpoolctl import threadpool_limits

from studies.plots.looks import look_of
from studies.registry.errors import SpecError
from studies.registry.test_sets import MAP_SIZE, N_TEST
from studies.web import rendering
from studies.web.scenes import LEARNER_OPTIONS, SceneError, SceneRequest, look

HOST = "127.0.0.1"

_NAMES = [HOST, "localhost"]  # a request by any other name was made by a foreign page
_OWN = ("same-origin", "none")  # values of Sec-Fetch-Site: the page itself, and an address that was typed
_REFUSED, _FOREIGN, _FAILED, _GONE, _BUSY = 400, 403, 422, 499, 503
_MOST_WAITING = 3
_HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",  # which a page cannot say by itself
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def listen(port: int) -> socket.socket:
    """Return a socket that only this machine reaches; port 0 takes any free port.

    Raises
    ------
    OSError
        If the port is taken, or not permitted to this user.
    """
    return socket.create_server((HOST, port))


def serve(listening: socket.socket) -> None:
    """Serve until Ctrl-C; the scene that is being computed then is the last."""
    torch.set_num_threads(1)  # as in the workers of studies, whose numbers these are
    server = _Server(uvicorn.Config(make_app(), log_level="warning"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with threadpool_limits(1), contextlib.suppress(KeyboardInterrupt):  # raised by the server when it has ended
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """A server that drops the scenes that wait when it is to end, and ends at once when it is asked twice."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)  # a scene cannot be interrupted, and there is nothing to save
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.turns.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)


class _Turns:
    """Turns of scenes, one at a time: of those that wait the newest is next, and the oldest of too many is dropped."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[_Waiting] = []

    async def take(self) -> bool:
        """Wait for a turn, to be ended by `end`, and return True; return False if it is dropped."""
        if not self._taken:
            self._taken = True
            return True
        mine = _Waiting(anyio.Event())
        self._waiting.append(mine)
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.pop(0).over.set()
        try:
            await mine.over.wait()
        except anyio.get_cancelled_exc_class():
            if mine.is_next:
                self.end()
            elif mine in self._waiting:
                self._waiting.remove(mine)
            raise
        return mine.is_next

    def end(self) -> None:
        """End a turn."""
        self._taken = bool(self._waiting)
        if self._waiting:
            newest = self._waiting.pop()
            newest.is_next = True
            newest.over.set()

    def close(self) -> None:
        """Drop all that wait."""
        while self._waiting:
            self._waiting.pop().over.set()


@dataclasses.dataclass(eq=False)
class _Waiting:
    over: anyio.Event
    is_next: bool = False


def make_app() -> Starlette:
    """Return the application: the page at ``/``, and at ``/scene`` the scene of a query string as JSON."""
    turns = _Turns()
    html = render_page()

    def page(_: Request) -> Response:
        return HTMLResponse(html)

    async def scene(request: Request) -> Response:
        if _is_foreign(request):
            return JSONResponse({"refused": "this page answers its own questions only"}, _FOREIGN)
        try:
            wanted = SceneRequest.read(request.query_params)
        except SpecError as error:
            return JSONResponse({"refused": str(error)}, _REFUSED)
        response = Response(status_code=_GONE)
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_gone, request.receive, group.cancel_scope)
            if await turns.take():
                try:
                    response = await anyio.to_thread.run_sync(_answer, wanted)
                finally:
                    turns.end()
            else:
                response = JSONResponse({"refused": "too many scenes are asked for; ask again"}, _BUSY)
            group.cancel_scope.cancel()
        return response

    app = Starlette(
        routes=[Route("/", page), Route("/scene", scene)],
        middleware=[Middleware(_Headers), Middleware(TrustedHostMiddleware, allowed_hosts=_NAMES)],
    )
    app.state.turns = turns
    return app


def _is_foreign(request: Request) -> bool:
    """Return whether a page of another address has made the request, which browsers report."""
    origin = request.headers.get("origin", f"http://{request.url.netloc}")
    return request.headers.get("sec-fetch-site", "none") not in _OWN or origin != f"http://{request.url.netloc}"


class _Headers:
    """Middleware that adds the headers by which browsers keep other pages from framing, embedding and guessing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel the scope once its client has gone; a scene that is being computed is finished."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _answer(wanted: SceneRequest) -> Response:
    try:
        return JSONResponse(dataclasses.asdict(look(wanted)))
    except SceneError as error:
        return JSONResponse({"refused": str(error)}, _FAILED)


def render_page() -> str:
    """Return the page, whose controls have the limits and defaults of a `SceneRequest`."""
    script = rendering.text("explore.js")
    return (
        rendering.environment()
        .get_template("explore.html")
        .render(
            fields=SceneRequest.model_json_schema()["properties"],
            learner_options=LEARNER_OPTIONS,
            looks={
                f"{name}-{prior}": look_of(option.estimator, prior)
                for name, option in LEARNER_OPTIONS.items()
                for prior in get_args(SceneRequest.model_fields["prior"].annotation)
            },
            map_size=MAP_SIZE,
            n_test=N_TEST,
            css=Markup(rendering.text("report.css") + rendering.text("explore.css")),
            script=Markup(script),
            script_hash=rendering.script_hash(script),
        )
    )
