"""Definitions put and removed by the interface, their revisions, and what changed between these."""

import json
import os

STEPS = [{"id": "say", "run": ["echo", "hello"]}]
PATH = "/api/v1/workflows/made"


def put(daemon, definition, headers=None, path=PATH):
    return daemon.request("PUT", path, definition, headers, control=True)


def delete(daemon, headers=None, path=PATH):
    return daemon.request("DELETE", path, None, headers, control=True)


def get(daemon, path=PATH):
    return daemon.request("GET", path, control=True)


def admin(daemon):
    return {"Authorization": "Bearer " + (daemon.folder / "admin.token").read_text().strip()}


def test_a_definition_that_is_put_runs_at_once_and_after_a_restart(daemon):
    daemon.start()
    made = put(daemon, {"triggers": [{"plugin": "webhook"}], "steps": STEPS})
    assert made.status == 201 and made.json["source"] == "api" and made.json["revision"] == 1
    assert made.json["triggers"][0]["health"]["state"] == "running"
    token = daemon.token("made")
    assert daemon.wait_end(token, daemon.fire(token))["status"] == "completed"
    daemon.restart()
    assert daemon.wait_end(token, daemon.fire(token))["status"] == "completed"
    again = put(daemon, {"triggers": [{"plugin": "webhook"}], "steps": STEPS})
    assert again.status == 200 and again.json["revisionId"] == made.json["revisionId"]
    assert again.headers["ETag"] == get(daemon).headers["ETag"]


def test_a_change_makes_a_revision_and_another_tag(daemon):
    daemon.start()
    first = put(daemon, {"steps": STEPS})
    second = put(daemon, {"steps": STEPS, "description": "better"})
    assert second.status == 200 and second.json["revision"] == 2
    assert second.headers["ETag"] != first.headers["ETag"]
    assert daemon.request("GET", PATH, None, {"If-None-Match": second.headers["ETag"]}, control=True).status == 304
    assert put(daemon, {"steps": STEPS}, path=f"/api/v1/workflows/{first.json['id']}").json["revision"] == 3


def test_two_writers_do_not_overwrite_each_other(daemon):
    daemon.start()
    assert put(daemon, {"steps": STEPS}, {"If-Match": "*"}).type == "precondition-failed"
    made = put(daemon, {"steps": STEPS}, {"If-None-Match": "*"})
    assert made.status == 201
    assert put(daemon, {"steps": STEPS}, {"If-None-Match": "*"}).status == 412
    tag = made.headers["ETag"]
    assert put(daemon, {"steps": STEPS, "description": "a"}, {"If-Match": f'"x", {tag}'}).status == 200
    late = put(daemon, {"steps": STEPS, "description": "b"}, {"If-Match": tag})
    assert late.status == 412 and late.type == "precondition-failed"
    assert get(daemon).json["description"] == "a"
    assert delete(daemon, {"If-Match": tag}).status == 412
    assert delete(daemon, {"If-Match": get(daemon).json["revisionId"]}).status == 204


def test_what_was_removed_starts_nothing_and_can_come_back(daemon):
    daemon.start()
    made = put(daemon, {"triggers": [{"plugin": "webhook"}], "steps": STEPS})
    token = daemon.token("made")
    activity = daemon.fire(token)
    daemon.wait_end(token, activity)
    assert delete(daemon).status == 204
    assert get(daemon).json["removed"] and daemon.post(token).status == 403
    assert daemon.detail(activity)["status"] == "completed"
    assert delete(daemon).status == 404
    assert delete(daemon, path="/api/v1/workflows/nobody").status == 404
    back = put(daemon, {"triggers": [{"plugin": "webhook"}], "steps": STEPS}, {"If-None-Match": "*"})
    assert back.status == 201 and back.json["id"] == made.json["id"]
    assert daemon.post(token).status == 200


def test_what_is_the_folders_is_not_changed(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    path = "/api/v1/workflows/w"
    assert get(daemon, path).json["source"] == "folder"
    for answer in (put(daemon, {"steps": STEPS}, path=path), delete(daemon, path=path)):
        assert answer.status == 409 and answer.type == "from-folder"
    assert put(daemon, {"id": get(daemon, path).json["id"], "steps": STEPS}).type == "conflict"


def test_all_mistakes_are_told_with_their_places(daemon):
    daemon.start()
    text = ('{\n  "colour": "red",\n  "steps": [{"id": "a", "sleep": "1s", "when": "1 +"}],\n'
            '  "triggers": [{"plugin": "nobody"}]\n}\n')
    answer = put(daemon, text)
    assert answer.status == 422 and answer.type == "invalid-definition"
    assert sorted(one["line"] for one in answer.json["mistakes"]) == [2, 3, 4]
    assert any("colour" in one["message"] and one["column"] > 0 for one in answer.json["mistakes"])
    assert "made:2:" in answer.json["text"]
    program = put(daemon, {"steps": [{"id": "a", "sleep": "1s", "when": "1 +"}]})
    assert program.type == "invalid-definition" and len(program.json["mistakes"]) == 1
    for bad in ("[]", "{", '{"steps": []}', '{"slug": "other", "steps": [{"id": "a", "sleep": "1s"}]}',
                b'{"steps": \0[{"id": "a", "sleep": "1s"}]}'):
        assert put(daemon, bad).type == "invalid-definition", bad
    assert put(daemon, "").type == "invalid-json"
    assert put(daemon, {"steps": STEPS}, path="/api/v1/workflows/No%20slug").status == 422
    assert get(daemon).status == 404


def test_revisions_say_what_changed_when_and_by_whom(daemon):
    daemon.start()
    put(daemon, {"steps": STEPS})
    second = daemon.request("PUT", PATH, json.dumps({"steps": STEPS, "description": "better"}), admin(daemon))
    assert second.status == 200
    page = get(daemon, PATH + "/revisions?limit=1").json
    assert page["next"] == 2 and page["revisions"][0]["by"] == "api (admin, 127.0.0.1)"
    older = get(daemon, PATH + "/revisions?before=2").json
    assert older["next"] is None and [one["number"] for one in older["revisions"]] == [1]
    assert older["revisions"][0]["by"] == f"api (control, uid {os.getuid()})"
    by_number = get(daemon, PATH + "/revisions/2").json
    assert by_number == get(daemon, f"{PATH}/revisions/{by_number['id']}").json
    assert by_number["definition"]["description"] == "better" and by_number["madeAt"]
    diff = get(daemon, PATH + "/diff").json
    assert diff["from"]["number"] == 1 and diff["to"] == page["revisions"][0]
    assert diff["changes"] == [{"path": "/description", "from": "", "to": "better"}] or \
        diff["changes"] == [{"path": "/description", "to": "better"}]
    assert get(daemon, PATH + "/diff?from=2&to=1").json["from"]["number"] == 2
    for wrong in ("/revisions/3", "/revisions/0", "/revisions/x", f"/revisions/{'0' * 24}", "/diff?from=9"):
        assert get(daemon, PATH + wrong).status == 404, wrong
    assert get(daemon, PATH + f"/diff?to={by_number['id']}").status == 400
    put(daemon, {"steps": STEPS}, path="/api/v1/workflows/other")
    assert get(daemon, f"/api/v1/workflows/other/revisions/{by_number['id']}").status == 404


def test_the_command_line_puts_shows_compares_and_deletes(daemon):
    daemon.start()
    file = daemon.folder / "made.json"
    file.write_text(json.dumps({"steps": STEPS}))
    assert daemon.cli("workflows", "put", "made.json").stdout == "made made, revision 1\n"
    file.write_text(json.dumps({"steps": STEPS, "team": "T", "params": {"x": {"type": "string", "required": True}}}))
    assert daemon.cli_json("workflows", "put", "made.json")["revision"] == 2
    shown = daemon.cli("workflows", "show", "made").stdout
    assert "say" in shown and "api" in shown and "(required)" in shown
    assert json.loads(daemon.cli("workflows", "show", "made", "--definition").stdout)["team"] == "T"
    revisions = daemon.cli_json("workflows", "revisions", "made")["revisions"]
    assert [one["number"] for one in revisions] == [2, 1]
    assert "@ /team" in daemon.cli("workflows", "diff", "made").stdout
    assert daemon.cli("workflows", "diff", "made", "2").stdout.endswith("no difference\n")
    file.write_text('{\n "colour": 1}')
    refused = daemon.cli("workflows", "put", "made.json", check=False)
    assert refused.returncode == 1 and "made.json:2:2: " in refused.stderr
    assert daemon.cli_json("workflows", "delete", "made") == {"workflow": "made"}
    assert daemon.cli("workflows", "delete", "made", check=False).returncode == 4
    assert "removed" in daemon.cli("workflows").stdout
    assert "the workflow was deleted" in daemon.cli("run", "made", check=False).stderr


def test_workflows_are_listed_by_name_and_further_commands_in_their_help(daemon):
    names = ["%s-workflow" % letter for letter in "qazwsxedcrfv"]
    for name in names:
        daemon.workflow(name, STEPS)
    daemon.start()
    listed = [line.split()[0] for line in daemon.cli("workflows").stdout.splitlines()[1:]]
    assert listed == sorted(names)
    assert "workflows diff WORKFLOW" in daemon.cli("help", "workflows").stdout
    lost = daemon.cli("workflows", "lst", check=False)
    assert lost.returncode == 2 and "'tappet help workflows'" in lost.stderr
