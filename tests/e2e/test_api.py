"""The REST interface from outside: who gets in, and how the daemon is."""

import os
import stat

import pytest
from daemon import wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]


@pytest.fixture
def served(daemon):
    daemon.workflow("w", STEPS)
    return daemon.start()


def admin(daemon):
    return {"Authorization": "Bearer " + (daemon.folder / "admin.token").read_text().strip()}


def test_over_tcp_the_api_needs_the_admin_token(served):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = served.request("GET", "/api/v1/workflows", headers=headers)
        assert answer.status == 401
        assert "Bearer" in answer.headers["WWW-Authenticate"]
    token = served.token("w")
    assert served.request("GET", "/api/v1/workflows", headers={"Authorization": f"Bearer {token}"}).status == 401
    assert served.request("GET", "/api/v1/workflows", headers=admin(served)).status == 200
    assert served.request("POST", "/api/v1/workflows/w/run").status == 401


def test_a_name_that_was_made_to_point_here_does_not_get_in(served):
    headers = {**admin(served), "Host": "evil.example"}
    assert served.request("GET", "/api/v1/workflows", headers=headers).status == 403
    headers = {**admin(served), "Origin": "http://evil.example"}
    assert served.request("GET", "/api/v1/workflows", headers=headers).status == 403
    host = "%s:%d" % served.address
    headers = {**admin(served), "Host": host, "Origin": f"http://{host}"}
    assert served.request("GET", "/api/v1/workflows", headers=headers).status == 200


def test_files_are_for_their_owner_only(served):
    served.fire(served.token("w"))
    for name in ("admin.token", "tappet.db", "tappet.sock"):
        mode = stat.S_IMODE(os.stat(served.folder / name).st_mode)
        assert mode == 0o600, name


def test_the_admin_token_stays_the_same(served):
    before = admin(served)
    served.restart()
    assert admin(served) == before
    assert served.request("GET", "/api/v1/workflows", headers=before).status == 200


def test_health_readiness_and_metrics(served):
    assert served.request("GET", "/healthz").json["status"] == "ok"
    assert served.request("GET", "/readyz").status == 200
    token = served.token("w")
    served.wait_end(token, served.fire(token))
    metrics = served.request("GET", "/metrics").body.decode()
    assert "# TYPE tappet_" in metrics


def test_errors_are_problem_documents(served):
    for path, status in (("/nowhere", 404), ("/api/v1/activities/" + "0" * 24, 404)):
        answer = served.request("GET", path, control=True)
        assert answer.status == status and answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == status and answer.type


def test_the_control_socket_of_a_killed_daemon_is_taken_over(served):
    served.kill()
    assert (served.folder / "tappet.sock").exists()
    served.start()
    assert served.api("GET", "/workflows").status == 200


def test_listeners_serve_only_what_they_are_for(daemon):
    daemon.configure(listen=[{"address": "127.0.0.1:0", "serve": ["hooks"]}])
    daemon.workflow("w", STEPS)
    daemon.start()
    assert daemon.post(daemon.token("w")).status == 200
    for path in ("/api/v1/workflows", "/metrics", "/healthz"):
        assert daemon.request("GET", path).status == 404


def test_activities_are_listed_in_pages(served):
    token = served.token("w")
    fired = [served.fire(token) for _ in range(5)]
    for activity in fired:
        served.wait_end(token, activity)
    newest = served.api("GET", "/activities?limit=2").json
    assert [activity["id"] for activity in newest["activities"]] == fired[:-3:-1]
    older = served.api("GET", f"/activities?limit=10&before={newest['activities'][-1]['id']}").json
    assert [activity["id"] for activity in older["activities"]] == fired[-3::-1]


def test_activities_are_filtered(daemon):
    daemon.workflow("w", STEPS)
    daemon.workflow("bad", [{"id": "fail", "run": ["false"]}], team="Others")
    daemon.workflow("rest", [{"id": "rest", "sleep": "1h"}])
    daemon.start()
    token = daemon.token("w")
    good = daemon.fire(token)
    failed = daemon.cli_json("run", "bad")["activityId"]
    cancelled = daemon.cli_json("run", "rest")["activityId"]
    daemon.cli("cancel", cancelled)
    daemon.wait_end(token, good)
    wait_until(lambda: daemon.detail(failed)["status"] == "failure", "the failure")
    begun = daemon.detail(cancelled)["createdAt"]

    def listed(*options):
        return [activity["id"] for activity in daemon.cli_json("activities", *options)["activities"]]

    assert listed("--status", "failure,cancelled") == [cancelled, failed]
    assert listed("--status", "completed,failure", "--trigger", "webhook") == [good]
    assert listed("--trigger", "manual") == [cancelled, failed]
    assert listed("--team", "Others") == [failed]
    assert listed("--team", "Nobody") == []
    assert listed("--until", begun, "--since", "1h") == [failed, good]
    assert listed("--team", "Testers", "-n", "1") == [cancelled]
    assert listed("--team", "Testers", "-n", "1", "--before", cancelled) == [good]


def test_without_a_daemon_the_command_line_says_so(daemon):
    done = daemon.cli("workflows", check=False)
    assert done.returncode == 3 and done.stderr


def test_the_command_line_reaches_the_daemon_over_tcp(served):
    server = "http://%s:%d" % served.address
    token = admin(served)["Authorization"].split()[1]
    done = served.cli("workflows", "--server", server, "--json", env={"TAPPET_TOKEN": token})
    assert '"w"' in done.stdout
    assert served.cli("workflows", "--server", server, check=False, env={"TAPPET_TOKEN": "wrong"}).returncode != 0


def test_after_retention_of_nothing_events_can_be_read_from_a_number_on(served):
    token = served.token("w")
    served.wait_end(token, served.fire(token))
    every = wait_until(lambda: served.api("GET", "/events?since=0").json["events"], "events")
    middle = every[len(every) // 2]["seq"]
    rest = served.api("GET", f"/events?since={middle}").json["events"]
    assert rest and rest[0]["seq"] == middle + 1
