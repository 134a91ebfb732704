"""``toymanifold explore``: a live page, whose scene is computed anew while a teacher moves its controls.

One process, reached from this machine only. Scenes are computed one after another; a scene whose client has gone is not
started.
"""

import contextlib
import dataclasses
import socket

import anyio
import torch
import uvicorn
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive
from threadpoolctl import threadpool_limits

from studies.registry.errors import SpecError
from studies.registry.test_sets import MAP_SIZE, N_TEST
from studies.web import rendering
from studies.web.scenes import LEARNER_OPTIONS, SceneError, SceneRequest, look

HOST = "127.0.0.1"

_NAMES = [HOST, "localhost"]  # a request by any other name was made by a foreign page
_REFUSED, _GONE, _FAILED = 400, 499, 422


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
    server = uvicorn.Server(uvicorn.Config(make_app(), log_level="warning"))
    with threadpool_limits(1), contextlib.suppress(KeyboardInterrupt):  # raised by the server when it has ended
        server.run(sockets=[listening])


def make_app() -> Starlette:
    """Return the application: the page at ``/``, and at ``/scene`` the scene of a query string as JSON."""
    one_at_a_time = anyio.CapacityLimiter(1)
    html = render_page()

    def page(_: Request) -> Response:
        return HTMLResponse(html)

    async def scene(request: Request) -> Response:
        try:
            wanted = SceneRequest.read(request.query_params)
        except SpecError as error:
            return JSONResponse({"refused": str(error)}, _REFUSED)
        response = Response(status_code=_GONE)
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_gone, request.receive, group.cancel_scope)
            response = await anyio.to_thread.run_sync(_answer, wanted, limiter=one_at_a_time)
            group.cancel_scope.cancel()
        return response

    return Starlette(
        routes=[Route("/", page), Route("/scene", scene)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_NAMES)],
    )


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
            map_size=MAP_SIZE,
            n_test=N_TEST,
            css=Markup(rendering.text("report.css") + rendering.text("explore.css")),
            script=Markup(script),
            script_hash=rendering.script_hash(script),
        )
    )
