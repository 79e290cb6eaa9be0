"""Behind a proxy: whose client a request is, and that headers open no door."""

import pytest


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
    admin = (daemon.folder / "admin.token").read_text(encoding="utf-8").strip()
    headers = {"Authorization": f"Bearer {admin}", "X-Forwarded-For": "203.0.113.5"}
    answer = daemon.request("POST", "/api/v1/workflows/w/run", "{}", headers)
    assert answer.status == 200, answer.body
    detail = daemon.detail(answer.json["activityId"])
    assert ("203.0.113.5" in str(detail)) == bool(trusted)
