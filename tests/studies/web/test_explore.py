"""The server of `toymanifold explore`: requests as a browser sends them, and others."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import anyio
import pytest
from typer.testing import CliRunner

from studies.cli import main as cli
from studies.web import explore
from studies.web.scenes import SceneRequest, look


def ask(address, path="/", method="GET", **headers):
    """Return the status and the text of an answer."""
    response, text = answer_of(address, path, method, **headers)
    return response.status, text


def answer_of(address, path="/", method="GET", **headers):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response, text


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


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another program's page on this machine
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_the_page_of_another_site_has_nothing_computed(explored, monkeypatch, headers, status):
    monkeypatch.setattr(explore, "_answer", lambda _: explore.Response())
    assert ask(explored, "/scene", **headers)[0] == status
    own = ask(explored, "/scene", Origin=explored)
    assert own[0] == 200


@pytest.mark.parametrize(("path", "host"), [("/", {}), ("/scene?turns=99", {}), ("/x", {}), ("/", {"Host": "x"})])
def test_every_answer_forbids_framing_sniffing_and_embedding(explored, path, host):
    response, _ = answer_of(explored, path, **host)
    assert response.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_refusal_does_not_repeat_a_long_question(explored):
    _, text = ask(explored, f"/scene?{'k' * 50_000}=1&turns={'9' * 5_000}")
    assert len(text) < 1_000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/scene"])
def test_nothing_but_reading_is_allowed(explored, method, path):
    assert ask(explored, path, method)[0] == 405


def test_only_this_machine_is_listened_to():
    with explore.listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


@pytest.fixture
def slow(monkeypatch):
    """Scenes that last until they are told to go on; the seeds of those that have begun."""
    begun, go_on = [], threading.Event()

    def slowly(request):
        begun.append(request.seed)
        go_on.wait(60)
        return look(SceneRequest(n_samples=10))

    monkeypatch.setattr(explore, "look", slowly)
    return begun, go_on


async def client(app, seed, gone, statuses):
    """Ask for a scene, and note the status of the answer."""
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

    async def send(message):
        statuses.setdefault(seed, message.get("status"))

    await app(scope, receive, send)


def test_a_scene_that_nobody_waits_for_is_not_begun(slow):
    begun, go_on = slow
    app = explore.make_app()

    async def three_clients():
        stays, leaves = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(client, app, 1, stays, {})
            while not begun:
                await anyio.sleep(0.01)
            async with anyio.create_task_group() as second:
                second.start_soon(client, app, 2, leaves, {})
                await anyio.wait_all_tasks_blocked()
                leaves.set()  # and the second is over before the first is answered
            group.start_soon(client, app, 3, stays, {})
            go_on.set()

    anyio.run(three_clients)
    assert begun == [1, 3]


@pytest.mark.parametrize(("close", "answered"), [(False, [1, 6, 5, 4]), (True, [1])])
def test_of_scenes_that_wait_the_newest_is_next_and_few_wait(slow, close, answered):
    begun, go_on = slow
    app, statuses = explore.make_app(), {}

    async def six_clients():
        async with anyio.create_task_group() as group:
            for seed in range(1, 7):
                group.start_soon(client, app, seed, anyio.Event(), statuses)
                await anyio.wait_all_tasks_blocked()
            if close:
                app.state.turns.close()
            go_on.set()

    anyio.run(six_clients)
    assert begun == answered
    assert statuses == {seed: 200 if seed in answered else 503 for seed in range(1, 7)}


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


SLOW = """
import time, webbrowser
from studies.cli.main import app
from studies.web import explore

def look(_):
    time.sleep(1)
    raise explore.SceneError("slow")

explore.look, webbrowser.open = look, lambda _: time.sleep(60)
app()
"""


@pytest.fixture
def served():
    """The command in a process of its own, with a browser that lasts and scenes that take a second, and its address."""
    command = [sys.executable, "-c", SLOW, "explore", "--port", "0"]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        yield process, process.stdout.readline().split()[0]
        process.kill()


@pytest.mark.parametrize(("signals", "code"), [(["SIGINT"], 0), (["SIGTERM"], -15), (["SIGINT", "SIGINT"], 130)])
def test_the_command_serves_until_it_is_interrupted(served, signals, code):
    """Beside a browser that lasts; the scenes that wait are dropped, and nothing is printed."""
    process, address = served
    status, page = ask(address)
    assert (status, "<title>toymanifold explore</title>" in page) == (200, True)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(answered, address, f"/scene?seed={seed}") for seed in range(4)]
        time.sleep(0.3)  # the first is computed, the others wait
        for name in signals:
            process.send_signal(signal.Signals[name])
            time.sleep(0.1)
        _, complaints = process.communicate(timeout=60)
    assert sum(future.result() == 422 for future in answers) <= 1
    assert (complaints, process.returncode) == ("", code)


def answered(address, path):
    try:
        return ask(address, path)[0]
    except (http.client.HTTPException, ConnectionError):
        return None
