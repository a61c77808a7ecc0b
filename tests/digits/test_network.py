import http.server
import socket
import threading
import time

import pytest

from kgan.digits import network


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch):
    """A process that is not told to stay offline and has asked for nothing yet."""
    monkeypatch.delenv("KGAN_OFFLINE")
    network._asked.cache_clear()
    yield
    network._asked.cache_clear()


@pytest.fixture
def server():
    """A server on loopback that answers 200, or 404 below /missing, and notes what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.server.asked.append(self.path)
            self.send_response(404 if self.path.startswith("/missing") else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked, running.url = [], f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_a_server_that_answers_is_asked_once(server):
    assert network.unreachable(f"{server.url}/file") is None
    assert network.unreachable(f"{server.url}/file") is None
    assert server.asked == ["/file"]


def test_a_file_that_is_not_there_is_a_reason(server):
    assert network.unreachable(f"{server.url}/missing") == "127.0.0.1: HTTP Error 404: Not Found"


def test_a_port_that_is_closed_is_a_reason():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "Connection refused" in network.unreachable(f"http://127.0.0.1:{port}/")


@pytest.fixture
def impatient(monkeypatch):
    """Let an address have 0.1 s to answer; a user waits 3 s."""
    assert network.SECONDS == 3
    monkeypatch.setattr(network, "SECONDS", 0.1)


def test_a_host_that_never_answers_is_given_up_in_time_and_asked_only_once(impatient):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        start = time.monotonic()
        first = network.unreachable(url)
        assert 0.05 < time.monotonic() - start < 3
        assert network.unreachable(url) == first
        listener.accept()[0].close()
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):  # nobody asked again
            listener.accept()
    assert first in ("127.0.0.1: no answer within 0.1 s", "127.0.0.1: timed out")


def test_a_name_that_cannot_be_looked_up_is_a_reason(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert "Name or service not known" in network.unreachable("http://data.invalid/")


def test_a_look_up_that_never_ends_is_given_up_in_time(impatient, monkeypatch):
    hanging = threading.Event()

    def hang(*_, **__):
        hanging.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    assert network.unreachable("http://data.invalid/") == "data.invalid: no answer within 0.1 s"
    assert 0.05 < time.monotonic() - start < 3
    hanging.set()


def test_a_proxy_is_asked_where_the_environment_names_one(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    assert network.unreachable("http://data.invalid/file") is None
    assert server.asked == ["http://data.invalid/file"]


@pytest.mark.parametrize(("value", "asks"), [("1", False), ("yes", False), ("0", True), ("", True)])
def test_nothing_is_asked_where_the_environment_says_offline(server, monkeypatch, value, asks):
    monkeypatch.setenv("KGAN_OFFLINE", value)
    assert network.unreachable(server.url) == (None if asks else "KGAN_OFFLINE is set")
    assert bool(server.asked) == asks
