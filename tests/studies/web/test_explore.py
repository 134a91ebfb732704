"""The server of `toymanifold explore`: requests as a browser sends them, and others."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from urllib.parse import urlencode, urlsplit

import anyio
import pytest
from typer.testing import CliRunner

from studies.cli import main as cli
from studies.web import explore
from studies.web.scenes import SceneRequest, look


def ask(address, path="/", method="GET", **headers):
    """Return the status and the text of an answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_a_scene_is_the_answer_to_a_query_string(explored):
    status, text = ask(explored, "/scene?" + urlencode({"turns": 3, "n_samples": 100}))
    scene = look(SceneRequest(turns=3, n_samples=100))
    assert status == 200
    assert json.loads(text) == {**vars(scene), "fit_seconds": pytest.approx(scene.fit_seconds, abs=60)}


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("turns=99", 400, "not shown: turns: must be 8 or less. Got '99'."),
        ("n_samples=10&n_neighbors=11", 422, "ValueError: The 'n_neighbors' parameter of "),
    ],
)
def test_what_cannot_be_shown_has_an_error_message(explored, query, status, message):
    answered, text = ask(explored, f"/scene?{query}")
    assert answered == status
    assert json.loads(text)["refused"].startswith(message)


def test_the_page_names_nothing_beyond_itself(explored):
    status, page = ask(explored)
    assert status == 200
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}  # a name, no address


def test_a_foreign_name_of_this_machine_is_refused(explored):
    """By which the page of another site would read what is here (DNS rebinding)."""
    assert ask(explored, Host="evil.example")[0] == 400
    assert ask(explored, Host="localhost:1")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/scene"])
def test_nothing_but_reading_is_allowed(explored, method, path):
    assert ask(explored, path, method)[0] == 405


def test_only_this_machine_is_listened_to():
    with explore.listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_scene_that_nobody_waits_for_is_not_begun(monkeypatch):
    begun, go_on = [], threading.Event()

    def slowly(request):
        begun.append(request.seed)
        go_on.wait(60)
        return look(SceneRequest(n_samples=10))

    monkeypatch.setattr(explore, "look", slowly)
    app = explore.make_app()

    async def client(seed, gone):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/scene",
            "query_string": b"seed=%d" % seed,
            "headers": [(b"host", b"127.0.0.1")],
        }
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_):
            pass

        await app(scope, receive, send)

    async def three_clients():
        stays, leaves = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(client, 1, stays)
            while not begun:
                await anyio.sleep(0.01)
            async with anyio.create_task_group() as second:
                second.start_soon(client, 2, leaves)
                await anyio.wait_all_tasks_blocked()
                leaves.set()  # and the second is over before the first is answered
            group.start_soon(client, 3, stays)
            go_on.set()

    anyio.run(three_clients)
    assert begun == [1, 3]


@pytest.fixture
def command():
    def invoke(*words):
        return CliRunner().invoke(cli.app, ["explore", "--no-browser", *words], catch_exceptions=False)

    return invoke


def test_a_port_that_is_taken_is_an_error_that_names_the_option(command):
    with explore.listen(0) as listening:
        port = listening.getsockname()[1]
        ended = command("--port", str(port))
    assert ended.exit_code == 2
    assert (
        ended.stderr == f"error: cannot listen on port {port}: Address already in use; --port 0 takes any free port\n"
    )


def test_without_a_server_the_error_says_what_to_install(command, monkeypatch):
    monkeypatch.delitem(sys.modules, "studies.web.explore")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ended = command()
    assert ended.exit_code == 2
    assert ended.stderr.endswith("Install it with: pip install 'toymanifold[explore]'\n")


def test_the_command_serves_until_it_is_interrupted():
    program = [
        sys.executable,
        "-c",
        "from studies.cli.main import app; app()",
        "explore",
        "--port",
        "0",
        "--no-browser",
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[0]
        status, page = ask(address)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert status == 200
    assert "<title>toymanifold explore</title>" in page
    assert complaints == ""
    assert process.returncode == 0
