"""``toymanifold explore``: a page of this machine that answers while a teacher moves its controls.

One process, which only this machine reaches. Scenes are computed one after another; one that nobody waits for any more
is not begun.
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
from studies.web.scenes import LEARNER_OPTIONS, Question, SceneError, look

HOST = "127.0.0.1"

_NAMES = [HOST, "localhost"]  # by any other a browser was led here by a foreign page
_REFUSED, _GONE, _FAILED = 400, 499, 422


def listen(port: int) -> socket.socket:
    """Return a socket that listens to this machine alone; port 0 is any that is free.

    Raises
    ------
    OSError
        If the port is taken, or not for this user.
    """
    return socket.create_server((HOST, port))


def serve(listening: socket.socket) -> None:
    """Answer until Ctrl-C; then the scene that is being computed is the last."""
    torch.set_num_threads(1)  # as in the workers of studies, whose numbers these are
    server = uvicorn.Server(uvicorn.Config(make_app(), log_level="warning"))
    with threadpool_limits(1), contextlib.suppress(KeyboardInterrupt):  # which the server raises when it has ended
        server.run(sockets=[listening])


def make_app() -> Starlette:
    """Return the application: the page at ``/``, and at ``/scene`` the answer to a query string as JSON."""
    one_at_a_time = anyio.CapacityLimiter(1)
    html = render_page()

    def page(_: Request) -> Response:
        return HTMLResponse(html)

    async def scene(request: Request) -> Response:
        try:
            question = Question.read(request.query_params)
        except SpecError as error:
            return JSONResponse({"refused": str(error)}, _REFUSED)
        response = Response(status_code=_GONE)
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_gone, request.receive, group.cancel_scope)
            response = await anyio.to_thread.run_sync(_answer, question, limiter=one_at_a_time)
            group.cancel_scope.cancel()
        return response

    return Starlette(
        routes=[Route("/", page), Route("/scene", scene)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_NAMES)],
    )


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel what is done for a client once it has gone; what is being computed goes on to its end."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _answer(question: Question) -> Response:
    try:
        return JSONResponse(dataclasses.asdict(look(question)))
    except SceneError as error:
        return JSONResponse({"refused": str(error)}, _FAILED)


def render_page() -> str:
    """Return the page, whose controls have the limits and defaults of a `Question`."""
    script = rendering.text("explore.js")
    return (
        rendering.environment()
        .get_template("explore.html")
        .render(
            fields=Question.model_json_schema()["properties"],
            learner_options=LEARNER_OPTIONS,
            map_size=MAP_SIZE,
            n_test=N_TEST,
            css=Markup(rendering.text("report.css") + rendering.text("explore.css")),
            script=Markup(script),
            script_hash=rendering.script_hash(script),
        )
    )
