"""What the daemon makes of folders, signals and requests that come at a bad moment or say a thing twice."""

import http.client
import json
import signal
import threading

import pytest
from daemon import Response, wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]


def state_of(daemon):
    return {workflow["slug"]: not workflow["removed"] for workflow in daemon.cli_json("workflows")["workflows"]}


def definitions_health(daemon):
    parts = daemon.request("GET", "/healthz").json["parts"]
    return next(part["state"] for part in parts if part["part"] == "definitions")


def test_a_folder_that_is_not_there_at_start_removes_no_workflow(daemon):
    daemon.workflow("kept", STEPS)
    daemon.start()
    token = daemon.token("kept")
    daemon.stop()
    folder = daemon.folder / "workflows"
    folder.rename(daemon.folder / "elsewhere")
    daemon.start()
    assert state_of(daemon) == {"kept": True}
    assert definitions_health(daemon) == "degraded"
    assert daemon.post(token).status == 200
    (daemon.folder / "elsewhere").rename(folder)
    daemon.cli("reload")
    assert definitions_health(daemon) == "ok"


def test_of_two_files_for_one_workflow_the_second_changes_nothing_at_start(daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    daemon.stop()
    daemon.workflow("one", [{"id": "new", "name": "New", "sleep": "0s"}])
    path = daemon.workflow("other", [{"id": "wrong", "sleep": "0s"}])
    path.write_text(path.read_text().replace("{", '{"slug": "one", ', 1))
    daemon.start()
    assert daemon.wait_end(token, daemon.fire(token))["steps"][0]["taskName"] == "New"
    assert next(w["revision"] for w in daemon.cli_json("workflows")["workflows"] if w["slug"] == "one") == 2


def test_a_sighup_during_a_reload_is_done_after_it(daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    for number in range(20):
        # A file that begins with a dot is none of them: half of one is never read.
        daemon.workflow(f".more-{number}", STEPS).rename(daemon.folder / "workflows" / f"more-{number}.json")
        daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(state_of(daemon)) == 21, "the last file")
    assert all(line["message"] != "reload refused, nothing changed" for line in daemon.logs())


@pytest.mark.parametrize("how", ["signal", "api"])
def test_a_stop_in_the_middle_of_a_reload_ends_well(daemon, how):
    for turn in range(6):
        for number in range(100):
            daemon.workflow(f"w-{number}", [{"id": f"before-{turn}", "sleep": "0s"}])
        daemon.start()
        for number in range(100):
            daemon.workflow(f"w-{number}", [{"id": f"after-{turn}", "sleep": "0s"}])
        connection = daemon.connect(control=True)
        if how == "signal":
            daemon.signal(signal.SIGHUP)
        else:
            connection.request("POST", "/api/v1/reload")
        # Each turn stops it a little later.
        for _ in range(3 * turn):
            daemon.request("GET", "/healthz")
        assert daemon.stop() == 0
        connection.close()


def test_a_new_workflow_takes_requests_as_soon_as_the_reload_is_answered(daemon):
    daemon.start()
    for number in range(30):
        daemon.workflow(f"w-{number}", STEPS)
        assert daemon.api("POST", "/reload").status == 200
        secret = daemon.api("POST", "/tokens", {"workflow": f"w-{number}"}).json["token"]
        assert daemon.post(secret).status == 200


def test_a_changed_workflow_takes_requests_all_through_its_reload(daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    answers, over = [], threading.Event()

    def post():
        connection = daemon.connect()
        while not over.is_set():
            connection.request("POST", "/webhook/payload", json.dumps({"token": token}))
            answers.append(Response(connection.getresponse()).status)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        daemon.workflow("one", STEPS, team=f"Team {number}")
        assert daemon.api("POST", "/reload").status == 200
    over.set()
    for thread in threads:
        thread.join()
    assert answers and set(answers) == {200}


def test_a_token_that_comes_twice_in_one_place_is_a_bad_request(daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    for query in (f"token={token}&token=other", f"token=other&token={token}", f"token={token}&t%6Fken=other"):
        answer = daemon.request("POST", f"/webhook/payload?{query}", {})
        assert (answer.status, answer.type) == (400, "malformed"), query
    assert daemon.request("POST", f"/webhook/payload?tokens=x&token={token}&x=token", {}).status == 200
    connection = http.client.HTTPConnection(*daemon.address)
    connection.putrequest("POST", "/webhook/payload")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Authorization", "Bearer other")
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize("change, named", [({"scopes": []}, "scopes"), ({"scopes": ""}, "scopes"),
                                           ({"label": "x" * 201}, "label"), ({"expires": "3000000d"}, "expires")])
def test_a_token_is_refused_with_the_key_that_is_wrong(daemon, change, named):
    daemon.workflow("one", STEPS)
    daemon.start()
    answer = daemon.api("POST", "/tokens", {"workflow": "one", **change})
    assert (answer.status, answer.type) == (422, "invalid-value")
    assert f'"{named}"' in answer.json["detail"]


def test_a_token_for_a_team_without_a_name_is_refused(daemon):
    daemon.start()
    assert daemon.api("POST", "/tokens", {"team": ""}).status == 422


def test_without_a_configuration_the_way_to_one_is_told(daemon):
    (daemon.folder / "tappet.json").unlink()
    refused = daemon.cli("serve", check=False)
    assert refused.returncode == 2 and "tappet init" in refused.stderr
