"""The server: to this machine alone, two addresses, and none of anything on the disk."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection
from typing import NamedTuple

import pytest

from archdsl.diagram.page import server as serving
from archdsl.diagram.page.server import Server, Site


@pytest.fixture
def site() -> Site:
    site = Site()
    site.put({"Net": "<!doctype html><p>größer</p>", "Other": "<p>other</p>"}, "1")
    return site


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    server = Server(site)
    with server.running():
        yield server


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


def ask(server: Server, path: str, method: str = "GET", host: str | None = None) -> Answer:
    with closing(connection(server)) as asked:
        asked.putrequest(method, path, skip_host=True)
        asked.putheader("Host", host or f"127.0.0.1:{server.server_port}")
        asked.endheaders()
        answer = asked.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def connection(server: Server) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", server.server_port, timeout=10)


def test_the_page_is_served(server: Server) -> None:
    assert server.address == f"http://127.0.0.1:{server.server_port}/"
    answer = ask(server, "/")
    assert answer.status == 200
    assert answer.body.decode() == "<!doctype html><p>größer</p>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert ask(server, "/", host=f"localhost:{server.server_port}").status == 200
    assert ask(server, "/?arch=Other").body == b"<p>other</p>"


@pytest.mark.parametrize(
    "path",
    [
        "/?arch=None",
        "/page.css",
        "/net.arch",
        "/etc/passwd",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/events/..",
        "http://[/",
        "*",
    ],
)
def test_nothing_else_has_an_address(server: Server, path: str) -> None:
    answer = ask(server, path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""]
)
@pytest.mark.parametrize("path", ["/", "/events"])
def test_another_name_for_this_machine_is_refused(server: Server, host: str, path: str) -> None:
    answer = ask(server, path, host=host or "0.0.0.0")
    assert answer.status == 421
    assert "größer" not in answer.body.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_there_is_nothing_to_be_done_but_to_get(server: Server, method: str) -> None:
    assert ask(server, "/", method).status == 501


def test_head_is_answered_as_get_without_a_body(server: Server) -> None:
    for path in ("/", "/events", "/missing"):
        with closing(connection(server)) as asked:
            asked.request("HEAD", path)
            answer = asked.getresponse()
            assert answer.status == (404 if path == "/missing" else 200)
            assert answer.read() == b""
            kind = answer.headers["Content-Type"]
        assert path != "/events" or kind == "text/event-stream"
    said, known = ask(server, "/", "HEAD").headers, ask(server, "/").headers
    assert {**said, "Date": ""} == {**known, "Date": ""}
    assert ask(server, "/", "HEAD", host="elsewhere.example").status == 421


def test_other_machines_find_nothing(server: Server) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_cannot_be_had(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            Server(site, taken.getsockname()[1])


def test_browsers_are_told_the_version_and_each_new_one(
    server: Server, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEARTBEAT", 0.05)
    with closing(connection(server)) as asked:
        asked.request("GET", "/events")
        with asked.getresponse() as events:
            assert events.status == 200
            assert events.headers["Content-Type"] == "text/event-stream"
            assert [events.readline() for _ in range(2)] == [b"data: 1\n", b"\n"]
            assert events.readline() == b":\n"  # it is still there
            site.put({"Net": "new"}, "2")
            while (told := events.readline()) in (b":\n", b"\n"):
                pass
            assert told == b"data: 2\n"
    assert ask(server, "/").body == b"new"


def test_a_browser_that_leaves_is_not_talked_of(
    server: Server, site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.server_port)) as left:
            at_once = struct.pack("ii", 1, 0)  # with a reset, and not in peace
            left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            left.sendall(b"GET /events HTTP/1.1\r\n")
    assert ask(server, "/").status == 200
    assert capfd.readouterr().err == ""
