"""Behind a proxy: whose client a request is, that headers open no door, and nginx as docs/operations.md configures it."""

import http.client
import json
import re

import pytest

from action import Address, Client
from certificates import Authority
from daemon import DEADLINE, ROOT, wait_until
from nginx import Nginx


def test_headers_of_a_proxy_get_no_page_past_the_check_of_the_host(daemon):
    """A page whose name was made to point to this machine can send any header."""
    daemon.configure(trustedProxies=["127.0.0.1"])
    daemon.start()
    for headers in ({}, {"X-Forwarded-For": "203.0.113.5"}, {"Forwarded": "for=203.0.113.5"}, {"Via": "1.1 x"}):
        answer = daemon.request("GET", "/metrics", headers={"Host": "evil.example.com", **headers})
        assert answer.status == 403 and answer.type == "host-not-allowed"


@pytest.mark.parametrize("trusted", [["127.0.0.1"], []])
def test_a_run_tells_the_address_of_the_client_behind_a_trusted_proxy_only(daemon, trusted):
    daemon.workflow("w", [{"id": "nap", "sleep": "0s"}])
    daemon.configure(trustedProxies=trusted)
    daemon.start()
    assert cause_of_run(daemon, daemon.connect(), {"X-Forwarded-For": "203.0.113.5"})["remote"] == (
        "203.0.113.5" if trusted else "127.0.0.1")


def cause_of_run(daemon, connection, headers):
    """What the activity says of who has started it by hand."""
    admin = (daemon.folder / "admin.token").read_text(encoding="utf-8").strip()
    connection.request("POST", "/api/v1/workflows/w/run", "{}", {"Authorization": f"Bearer {admin}", **headers})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return daemon.detail(json.loads(body)["activityId"])["cause"]


# ---- nginx

CLIENT = "127.0.0.2"


def documented():
    """What stands in a server of nginx, and what before it."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = re.search(r"^```nginx\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    return [re.search(pattern, block, re.MULTILINE | re.DOTALL)[0] for pattern in
            (r"^ *client_max_body_size.*?^    }", r"^map.*?^}")]


@pytest.fixture(params=["unix", "tcp"])
def behind_nginx(request, daemon):
    """A daemon with a workflow `w` behind nginx, which ends TLS."""
    daemon.workflow("w", [{"id": "nap", "sleep": "0s"}])
    path = daemon.folder / "http.sock"
    daemon.configure(listen=["127.0.0.1:0", f"unix:{path}"], publicUrl="https://localhost", plugins={"webhook": {}, "action": {}},
                     trustedProxies=["unix" if request.param == "unix" else "127.0.0.1"])
    daemon.start()
    authority = Authority(daemon.folder)
    upstream = f"unix:{path}" if request.param == "unix" else "127.0.0.1:%d" % daemon.address[1]
    daemon.nginx = Nginx(daemon.folder, upstream, authority.issue("server", "localhost"), *documented())
    daemon.context = authority.context()
    yield daemon
    daemon.nginx.close()


def proxied(daemon):
    # From another address than the proxy's own, which is trusted.
    return http.client.HTTPSConnection("localhost", daemon.nginx.port, context=daemon.context, timeout=DEADLINE,
                                       source_address=(CLIENT, 0))


def test_requests_pass_through_nginx_with_their_clients_address(behind_nginx):
    daemon = behind_nginx
    token = daemon.token("w")
    connection = proxied(daemon)
    for _ in range(20):
        connection.request("POST", "/webhook/payload", json.dumps({"token": token}))
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["activityId"]
    # The client's own words come before what nginx has seen, or are removed.
    for headers in ({}, {"X-Forwarded-For": "203.0.113.5"}, {"Forwarded": "for=203.0.113.5"}):
        assert cause_of_run(daemon, connection, headers)["remote"] == CLIENT
    connection.close()


def test_events_pass_through_nginx_as_they_come(behind_nginx):
    daemon = behind_nginx
    admin = (daemon.folder / "admin.token").read_text(encoding="utf-8").strip()
    connection = proxied(daemon)
    connection.request("GET", "/api/v1/events?since=0&stream=true", headers={"Authorization": f"Bearer {admin}"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
    daemon.fire(daemon.token("w"))
    # Each line comes although the answer goes on; a proxy that gathered them would time out here.
    assert any(b"activity.completed" in line for line in iter(answer.readline, b""))
    connection.close()


def test_a_websocket_passes_through_nginx(behind_nginx):
    daemon = behind_nginx
    address = Address(tcp=("localhost", daemon.nginx.port), context=daemon.context)
    with Client(address, daemon.token("w", scopes=("action:>", "subscribe"))) as client:
        assert client.action("nobody.listens")["matched"] == 0


def test_a_body_that_is_too_large_is_refused_before_the_daemon_has_it(behind_nginx):
    connection = proxied(behind_nginx)
    connection.request("POST", "/webhook/payload", b"x" * 1_200_000)
    answer = connection.getresponse()
    # The daemon's own answer would be a problem document.
    assert answer.status == 413 and answer.headers["Content-Type"] == "text/html"
    connection.close()


def test_a_restart_of_the_daemon_is_survived_by_the_proxy(behind_nginx):
    daemon = behind_nginx
    daemon.configure(**{**daemon.config, "listen": ["%s:%d" % daemon.address, daemon.config["listen"][1]]})

    def healthy():
        connection = proxied(daemon)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        connection.close()
        return status == 200

    assert healthy()
    daemon.stop()
    assert not healthy()
    daemon.start()
    wait_until(healthy, "nginx to find the daemon again")
