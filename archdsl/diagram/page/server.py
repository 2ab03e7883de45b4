"""The server of the live page: on this machine only, one document and the events that renew it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Condition, Thread
from typing import Any
from urllib.parse import parse_qs

HOST = "127.0.0.1"

HEARTBEAT = 15.0
"""Seconds of silence after which a browser is told that the server is there: else a connection that
was left would be noticed by nobody."""

POLL = 0.1
"""Seconds after which the server notices at the latest that it shall end."""


class Site:
    """The pages that are served, by the network's name; all replaced at once."""

    def __init__(self) -> None:
        self._pages: Mapping[str, str] = {}
        self._version = ""
        self._changed = Condition()
        self.is_open = True

    def put(self, pages: Mapping[str, str], version: str) -> None:
        """Serve these pages from now on, and tell every browser that has others."""
        with self._changed:
            self._pages, self._version = pages, version
            self._changed.notify_all()

    def close(self) -> None:
        """Let every browser go."""
        with self._changed:
            self.is_open = False
            self._changed.notify_all()

    def page(self, name: str | None) -> str | None:
        """The page of a network; the first one without a name. None if there is no such page."""
        with self._changed:
            first = next(iter(self._pages.values()), None)
            return first if name is None else self._pages.get(name)

    def version_after(self, known: str | None) -> str | None:
        """The version of the pages as soon as it is another one; None if it stays for a while, and
        when the site is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != known or not self.is_open, HEARTBEAT)
            return self._version if self._version != known else None


class Server(ThreadingHTTPServer):
    """Serves a site on this machine; `port` 0 is any free one. Raises OSError where it cannot."""

    daemon_threads = True

    def __init__(self, site: Site, port: int = 0) -> None:
        super().__init__((HOST, port), _handler(site))
        self.site = site

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answers requests while the context lasts."""
        Thread(target=self.serve_forever, args=(POLL,), daemon=True).start()
        try:
            yield
        finally:
            self.site.close()
            self.shutdown()
            self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing where a browser has left in the middle of something, as they do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        """Without the look-up of a name for the address, which HTTPServer asks a network for."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    """A handler of requests about a site. What is neither GET nor HEAD is refused by its base."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "archdsl", ""
        timeout = 60

        def do_GET(self) -> None:
            """The page, or its events. Nothing on the disk has an address."""
            if self.headers.get("Host") not in self._hosts():
                # Another name that leads here is how a page of elsewhere would read this one.
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            path, _, query = self.path.partition("?")
            if path == "/":
                self._page(next(iter(parse_qs(query).get("arch", ())), None))
            elif path == "/events":
                self._events()
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def do_HEAD(self) -> None:
            """What GET would begin with."""
            self.do_GET()

        def _hosts(self) -> tuple[str, str]:
            port = self.connection.getsockname()[1]
            return f"{HOST}:{port}", f"localhost:{port}"

        def _page(self, name: str | None) -> None:
            text = site.page(name)
            if text is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = text.encode()
            self._head("text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _events(self) -> None:
            """Tell the version of the pages, and each later one, until the browser is gone."""
            self._head("text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "HEAD":
                return
            version: str | None = None
            with suppress(OSError):  # it left
                while site.is_open:
                    renewed = site.version_after(version)
                    version = renewed or version
                    self.wfile.write(f"data: {renewed}\n\n".encode() if renewed else b":\n\n")

        def _head(self, kind: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Frame-Options", "DENY")
            self.send_header("Cross-Origin-Resource-Policy", "same-origin")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the terminal has the findings."""

    return Handler
