"""Tokens from the cradle to the grave, by the command line."""

import pytest
from daemon import wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]


@pytest.fixture
def served(daemon):
    daemon.workflow("deploy", STEPS)
    return daemon.start()


def test_a_token_is_made_listed_renewed_and_revoked(served):
    first = served.cli_json("token", "create", "deploy", "--label", "ci")
    assert served.post(first["token"]).status == 200

    listed = served.cli_json("token", "list", "deploy")["tokens"]
    assert [token["id"] for token in listed] == [first["id"]]
    assert listed[0]["label"] == "ci" and listed[0]["workflows"] == ["deploy"]
    assert first["token"] not in str(listed)

    second = served.cli_json("token", "renew", first["id"])
    assert second["id"] == first["id"] and second["token"] != first["token"]
    assert served.post(first["token"]).status == 401
    assert served.post(second["token"]).status == 200

    served.cli("token", "revoke", first["id"])
    assert served.post(second["token"]).status == 401
    assert served.cli_json("token", "list")["tokens"] == []


def test_tokens_survive_a_kill(served):
    token = served.token("deploy")
    gone = served.cli_json("token", "create", "deploy")
    served.cli("token", "revoke", gone["id"])
    served.kill()
    served.start()
    assert served.post(token).status == 200
    assert served.post(gone["token"]).status == 401


def test_an_expired_token_is_a_wrong_one(served):
    token = served.cli_json("token", "create", "deploy", "--expires", "1s")["token"]
    wait_until(lambda: served.post(token).status == 401, "the token to expire")


def test_a_token_for_a_workflow_that_does_not_exist_is_not_made(served):
    assert served.cli("token", "create", "nonsense", check=False).returncode != 0
    assert served.cli_json("token", "list")["tokens"] == []


def test_the_secret_is_in_no_file(served):
    token = served.token("deploy")
    served.fire(token)
    served.stop()
    for path in served.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def test_the_token_of_a_removed_workflow_comes_back_with_it(served):
    token = served.token("deploy")
    path = served.folder / "workflows" / "deploy.json"
    text = path.read_text()
    path.unlink()
    served.cli("reload")
    assert served.post(token).status in (403, 409)
    path.write_text(text)
    served.cli("reload")
    assert served.post(token).status == 200
