"""What a webhook trigger remembers: uses of its secrets, requests; and tests of it."""

import hashlib
import hmac
import json
import subprocess
import threading

import pytest
from daemon import wait_until

API = "/plugins/webhook"
STEPS = [{"id": "say", "script": 'echo "word=$TAPPET_PARAM_WORD" >> "$TAPPET_OUTPUT"'}]
PARAMS = {"word": {"default": "none"}, "payload": {"default": ""}}
# Made up for these tests.
SECRETS = {"NEW": "n3w-secret", "OLD": "0ld-secret"}


def hook(daemon, options, start=True, env=None, **trigger):
    """A daemon with the workflow "site", whose webhook trigger "in" has these options."""
    one = {"plugin": "webhook", "id": "in", "with": options, "params": {"payload": "tojson"}}
    one.update(trigger)
    daemon.workflow("site", STEPS, params=PARAMS, triggers=[one])
    return daemon.start(env={**SECRETS, **(env or {})}) if start else daemon


def github(*names, **more):
    secrets = [{"env": name} for name in names]
    return {"signature": {"preset": "github", "secret": secrets if len(secrets) > 1 else secrets[0]}, **more}


def signed(daemon, secret, body=b"{}", path="/webhook/in/site", **headers):
    mac = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return daemon.request("POST", path, body,
                          {"X-Hub-Signature-256": mac, "Content-Type": "application/json", **headers})


def base(daemon):
    return "http://{}:{}".format(*daemon.address)


# ---- Secrets


def test_the_last_use_of_each_secret_is_known_also_after_a_restart_and_a_swap(daemon):
    hook(daemon, github("OLD", "NEW"))
    assert signed(daemon, SECRETS["NEW"]).status == 200
    old, new = daemon.cli_json("webhook", "secrets", "site")["secrets"]
    assert "lastUsed" not in old and old["usesSinceStart"] == 0
    assert new["position"] == 2 and new["kind"] == "signature" and new["usesSinceStart"] == 1 and new["lastUsed"]
    daemon.stop()
    hook(daemon, github("NEW", "OLD"))
    first, second = daemon.cli_json("webhook", "secrets", "site/in")["secrets"]
    assert first["lastUsed"] == new["lastUsed"] and first["fingerprint"] == new["fingerprint"]
    assert first["usesSinceStart"] == 0 and "lastUsed" not in second
    table = daemon.cli("webhook", "secrets", "site").stdout
    assert "LAST USED" in table and "never" in table
    everything = table + json.dumps([first, second]) + daemon.log_text(everything=True)
    assert not any(secret in everything for secret in SECRETS.values())


def test_secrets_of_a_trigger_that_is_not_there(daemon):
    hook(daemon, {"auth": "none"})
    assert daemon.cli("webhook", "secrets", "nobody", check=False).returncode == 4
    assert "no secrets" in daemon.cli("webhook", "secrets", "site").stdout
    for method, route in (("GET", "secrets"), ("GET", "sign"), ("POST", "sign")):
        for headers in ({}, {"Authorization": f"Bearer {daemon.token('site')}"}):
            assert daemon.request(method, f"/api/v1/plugins/webhook/{route}/site", headers=headers).status in (401, 403)


# ---- webhook test


def run_test(daemon, *arguments, url=True, check=True, env=None):
    """tappet webhook test; the daemon's port was given by the system, so that its URL has to be named."""
    where = ["--url", base(daemon)] if url else []
    return daemon.cli("webhook", "test", *arguments, *where, check=check, env=env)


def test_the_daemon_signs_a_test_and_the_listener_takes_it(daemon, tmp_path):
    hook(daemon, github("OLD", "NEW"), when='.headers["x-github-event"] == "push"')
    body = tmp_path / "push.json"
    body.write_text('{"ref": "refs/heads/main"}', encoding="utf-8")
    done = json.loads(run_test(daemon, "site", "--body", str(body), "--header", "X-GitHub-Event: push", "--json").stdout)
    assert done["status"] == 200, done
    payload = json.loads(daemon.detail(done["body"]["activityId"])["params"]["payload"])
    assert payload["body"] == {"ref": "refs/heads/main"} and payload["headers"]["x-github-event"] == "push"
    other = run_test(daemon, "site/in", "--body", str(body), "--header", "X-GitHub-Event:star")
    assert other.stdout.startswith("HTTP 200\n") and '{"refused":"filter"}' in other.stdout
    log = daemon.wait_log("a test request was signed for an administrator", trigger="in")
    assert log
    assert not any(secret in daemon.log_text(everything=True) for secret in SECRETS.values())


@pytest.mark.parametrize("preset", ["bitbucket", "stripe", "slack", "shopify", "standard-webhooks"])
def test_every_sender_that_signs_is_signed_for(daemon, preset):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" if preset == "standard-webhooks" else SECRETS["NEW"]
    hook(daemon, {"signature": {"preset": preset, "secret": {"env": "NEW"}}}, env={"NEW": secret})
    done = json.loads(run_test(daemon, "site", "--json").stdout)
    assert done["status"] == 200, done
    here = run_test(daemon, "site", "--json", "--secret-env", "MINE", env={"MINE": secret})
    assert json.loads(here.stdout)["status"] == 200
    wrong = run_test(daemon, "site", "--secret-env", "MINE", check=False, env={"MINE": "whsec_AAAA"})
    assert wrong.returncode == 5 and wrong.stdout.startswith("HTTP 401")


@pytest.mark.parametrize("options,shown", [
    ({"signature": {"preset": "gitlab", "secret": {"env": "NEW"}}}, """'x-gitlab-token: '"$MINE\""""),
    ({"signature": {"preset": "dockerhub", "secret": {"env": "NEW"}}}, """?secret='"$MINE\""""),
    ({"auth": {"bearer": {"env": "NEW"}}}, """'Authorization: Bearer '"$MINE\""""),
    ({"auth": {"header": {"name": "X-Key", "value": {"env": "NEW"}}}}, """'X-Key: '"$MINE\""""),
    ({"auth": {"basic": {"user": "ada", "password": {"env": "NEW"}}}}, """'ada' "$MINE" | base64"""),
])
def test_a_secret_that_is_shown_is_never_handed_out(daemon, options, shown):
    hook(daemon, options)
    told = run_test(daemon, "site", check=False)
    assert told.returncode == 2 and "--secret-env" in told.stderr and SECRETS["NEW"] not in told.stderr
    for method, body in (("GET", None), ("POST", b"{}")):
        answer = daemon.request(method, "/api/v1/plugins/webhook/sign/site?method=POST&target=/x", body, control=True)
        assert SECRETS["NEW"] not in answer.body.decode() and answer.status in (200, 409)
    assert daemon.request("POST", "/api/v1/plugins/webhook/sign/site", b"{}", control=True).status == 409
    done = run_test(daemon, "site", "--json", "--secret-env", "MINE", env={"MINE": SECRETS["NEW"]})
    assert json.loads(done.stdout)["status"] == 200
    line = run_test(daemon, "site", "--dry-run", "--secret-env", "MINE", env={"MINE": SECRETS["NEW"]}).stdout
    assert line.startswith("curl ") and shown in line and SECRETS["NEW"] not in line
    again = subprocess.run(["bash", "-c", line], env={"MINE": SECRETS["NEW"], "PATH": "/usr/bin:/bin"}, text=True,
                           capture_output=True, check=True)
    assert "200 OK" in again.stdout


def dry_run(daemon, *arguments, env=None):
    return daemon.cli("webhook", "test", "site", "--dry-run", *arguments, env=env).stdout


def test_nothing_in_the_line_for_a_shell_runs(daemon, tmp_path):
    evil = "a'$(touch run)`touch run`\"\\"
    hook(daemon, {"auth": {"basic": {"user": evil, "password": {"env": "NEW"}}}})
    secret = tmp_path / "it's $(touch run)"
    secret.write_text(SECRETS["NEW"] + "\n", encoding="utf-8")
    line = dry_run(daemon, "--secret-file", str(secret), "--url", base(daemon))
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert "200 OK" in done.stdout and SECRETS["NEW"] not in line
    line = dry_run(daemon, "--secret-file", str(secret), "--url", base(daemon) + "/x?a='$(touch run)\"`touch run`",
                   "--method", "$(touch run)")
    subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, check=False)
    assert not (tmp_path / "run").exists()
    bad = "A$(touch run)"
    assert run_test(daemon, "site", "--secret-env", bad, check=False, env={bad: "x"}).returncode == 2


def test_credentials_that_are_given_are_not_in_the_line(daemon):
    hook(daemon, {"auth": {"header": {"name": "X-Key", "value": {"env": "NEW"}}}})
    line = dry_run(daemon, "--url", base(daemon), "--header", "x-key: hidden-key", "--header",
                   "authorization: Bearer hidden-token", "--header", "Cookie: hidden-cookie", "--header", "X-Other: seen")
    assert "hidden" not in line and "'X-Other: seen'" in line
    assert """'authorization: '"$AUTHORIZATION\"""" in line and """'x-key: '"$X_KEY\"""" in line


def test_only_a_secret_is_read_from_a_variable(daemon):
    hook(daemon, {"auth": "none"})
    for wrong in ({"auth": {"basic": {"user": {"env": "NEW"}, "password": {"env": "NEW"}}}},
                  {"signature": {"header": "X", "prefix": {"env": "NEW"}, "secret": {"env": "NEW"}}}):
        hook(daemon, wrong, start=False)
        told = daemon.cli("reload", check=False)
        assert told.returncode != 0 and "only a secret is read" in told.stderr + told.stdout
        answer = daemon.request("GET", "/api/v1/plugins/webhook/sign/site", control=True)
        assert SECRETS["NEW"] not in answer.body.decode()


def test_only_the_private_key_signs_for_discord(daemon, tmp_path):
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    hook(daemon, {"signature": {"preset": "discord", "secret": {"file": str(public)}}})
    told = run_test(daemon, "site", check=False)
    assert told.returncode == 2 and "--key" in told.stderr
    body = tmp_path / "body.json"
    body.write_text('{"type": 1}', encoding="utf-8")
    done = json.loads(run_test(daemon, "site", "--key", str(key), "--body", str(body), "--json").stdout)
    assert done["status"] == 200 and done["body"] == {"type": 1}
    public_only = run_test(daemon, "site", "--key", str(public), check=False)
    assert public_only.returncode == 2 and "private key" in public_only.stderr


def test_the_answer_at_the_end_and_another_preset(daemon):
    hook(daemon, github("NEW"))
    waited = json.loads(run_test(daemon, "site", "--wait", "60s", "--json").stdout)
    assert waited["body"]["status"] == "completed"
    told = run_test(daemon, "site", "--preset", "stripe", check=False)
    assert told.returncode == 2 and '"github", not "stripe"' in told.stderr
    other = run_test(daemon, "site", "--preset", "stripe", "--secret-env", "NEW", check=False, env=SECRETS)
    assert other.returncode == 5 and other.stdout.startswith("HTTP 401")
    assert run_test(daemon, "site", "--preset", "githup", "--secret-env", "NEW", check=False, env=SECRETS).returncode == 2


def test_a_token_of_tappet_is_shown_like_any_other(daemon):
    hook(daemon, {})
    told = run_test(daemon, "site", check=False)
    assert told.returncode == 2 and "tappet token create" in told.stderr
    done = run_test(daemon, "site", "--json", "--secret-env", "TOKEN", env={"TOKEN": daemon.token("site")})
    assert json.loads(done.stdout)["status"] == 200


def test_where_the_listener_is(daemon):
    hook(daemon, {"auth": "none"})
    unknown = run_test(daemon, "site", url=False, check=False)
    assert unknown.returncode == 2 and "--url" in unknown.stderr
    daemon.stop()
    socket = daemon.folder / "hooks.sock"
    daemon.configure(listen=["127.0.0.1:0", f"unix:{socket}"])
    daemon.start(env=SECRETS)
    assert json.loads(run_test(daemon, "site", "--json", url=False).stdout)["status"] == 200
    path = daemon.cli("webhook", "test", "site", "--url", base(daemon) + "/webhook/in/nobody", check=False)
    assert path.returncode == 4 and path.stdout.startswith("HTTP 404")


# ---- Requests that are kept


def kept(daemon, target="site"):
    return daemon.cli_json("webhook", "requests", target)["requests"]


def wait_kept(daemon, count):
    """Records are written behind the answer."""
    def there():
        found = kept(daemon)
        return found if len(found) >= count else None
    return wait_until(there, f"{count} kept requests")


def test_requests_are_kept_shown_and_replayed(daemon):
    hook(daemon, github("NEW", keep={"requests": 3}), when=".body.n != 2")
    first = signed(daemon, SECRETS["NEW"], b'{"n": 1, "big": 9007199254740993}', X_GitHub_Delivery="d-1").json
    signed(daemon, SECRETS["NEW"], b'{"n": 2}', X_GitHub_Delivery="d-2")
    again = signed(daemon, SECRETS["NEW"], b'{"n": 1, "big": 9007199254740993}', X_GitHub_Delivery="d-1").json
    assert again == first
    assert signed(daemon, "wrong", b'{"n": 3}').status == 401
    found = {one["id"]: one for one in wait_kept(daemon, 4)}
    outcomes = sorted((one["outcome"], one.get("reason")) for one in found.values())
    assert outcomes == [("accepted", None), ("duplicate", None), ("refused", "filter"), ("refused", "signature")]
    original = next(one for one in found.values() if one["outcome"] == "accepted")
    assert original["activityId"] == first["activityId"]
    shown = daemon.cli("webhook", "show", "site", original["id"], "--json").stdout
    assert '"big": 9007199254740993' in shown and SECRETS["NEW"] not in shown and "sha256=" not in shown
    replayed = daemon.cli_json("webhook", "replay", "site/in", original["id"])
    assert replayed["activityId"] != first["activityId"] and replayed["replayOf"] == original["id"]
    detail = daemon.detail(replayed["activityId"])
    payload = json.loads(detail["params"]["payload"])
    assert payload["body"]["n"] == 1 and payload["replayOf"] == original["id"]
    assert detail["cause"]["replayOf"] == original["id"]
    filtered = next(one for one in found.values() if one.get("reason") == "filter")
    told = daemon.cli("webhook", "replay", "site", filtered["id"], check=False)
    assert told.returncode == 5
    refused = next(one for one in found.values() if one.get("reason") == "signature")
    assert daemon.cli("webhook", "replay", "site", refused["id"], check=False).returncode == 5
    table = daemon.cli("webhook", "requests", "site/in").stdout
    assert "not verified, refused: signature" in table and original["id"] in table


def test_kept_requests_survive_a_restart_and_run_by_the_rules_of_today(daemon):
    hook(daemon, github("NEW", keep={}), when=".body.n == 2")
    assert signed(daemon, SECRETS["NEW"], b'{"n": 1}').json == {"refused": "filter"}
    request = wait_kept(daemon, 1)[0]["id"]
    daemon.stop()
    hook(daemon, github("NEW", keep={}), when=".body.n == 1")
    activity = daemon.cli("webhook", "replay", "site", request).stdout.strip()
    assert json.loads(daemon.detail(activity)["params"]["payload"])["body"] == {"n": 1}
    daemon.cli("disable", "site/in")
    assert [one["id"] for one in kept(daemon, "site/in")] == [request]
    assert daemon.cli("webhook", "replay", "site/in", request, check=False).returncode == 5
    assert daemon.cli("webhook", "requests", "site/out", check=False).returncode == 4
    daemon.cli("webhook", "forget", "site/in", request)
    daemon.cli("enable", "site/in")
    assert kept(daemon) == []
    assert daemon.cli("webhook", "show", "site", request, check=False).returncode == 4


def test_a_dedup_of_the_trigger_s_own_decides_about_replays(daemon):
    hook(daemon, github("NEW", keep={}), dedup=".body.id")
    activity = signed(daemon, SECRETS["NEW"], b'{"id": "x"}').json["activityId"]
    request = wait_kept(daemon, 1)[0]["id"]
    told = daemon.cli("webhook", "replay", "site", request, check=False)
    assert told.returncode == 5 and told.stdout.strip() == activity and f"tappet replay {activity}" in told.stderr
    hook(daemon, github("NEW", keep={}), start=False, dedup='.body.id + (.replayOf // "")')
    daemon.cli("reload")
    assert daemon.cli("webhook", "replay", "site", request).stdout.strip() != activity


def test_kept_requests_are_for_administrators(daemon):
    hook(daemon, github("NEW", keep={}))
    signed(daemon, SECRETS["NEW"])
    request = wait_kept(daemon, 1)[0]["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/" + request), ("POST", f"/{request}/replay")):
        answer = daemon.request(method, f"/api/v1/plugins/webhook/requests/site/in{path}",
                                headers={"Authorization": f"Bearer {daemon.token('site')}"})
        assert answer.status in (401, 403), (method, path)


def test_nothing_is_shown_after_a_kill_that_did_not_happen(daemon):
    """Killed in the middle of deliveries: what is listed as accepted was accepted, and can be read."""
    hook(daemon, github("NEW", keep={"requests": 50}))
    stop = threading.Event()

    def deliver(worker):
        n = 0
        while not stop.is_set():
            n += 1
            try:
                signed(daemon, SECRETS["NEW"], json.dumps({"n": f"{worker}-{n}"}).encode())
            except OSError:
                return

    for _ in range(3):
        stop.clear()
        workers = [threading.Thread(target=deliver, args=(i,)) for i in range(4)]
        for worker in workers:
            worker.start()
        wait_kept(daemon, 10)
        daemon.kill()
        stop.set()
        for worker in workers:
            worker.join()
        daemon.start(env=SECRETS)
        found = kept(daemon)
        assert found
        for one in found:
            assert one["outcome"] == "accepted"
            body = json.loads(daemon.detail(one["activityId"])["params"]["payload"])["body"]
            shown = daemon.api("GET", f"{API}/requests/site/in/{one['id']}")
            assert shown.status == 404 or shown.json["request"]["body"] == body


# ---- Reloads


def test_no_delivery_finds_nobody_while_definitions_change(daemon):
    """Triggers that have remembered something, with paths of their own, whose options change at each reload."""
    hook(daemon, github("NEW", path="/github", keep={"requests": 5}))
    stop, answers, reloads = threading.Event(), [], 0

    def deliver(path):
        while not stop.is_set():
            answers.append((path, signed(daemon, SECRETS["NEW"], path=path).status))

    workers = [threading.Thread(target=deliver, args=(path,)) for path in ("/github", "/webhook/in/site/in") * 2]
    for worker in workers:
        worker.start()
    wait_kept(daemon, 5)
    while reloads < 25 or len(answers) < 400:
        reloads += 1
        hook(daemon, github(*(("NEW", "OLD") if reloads % 2 else ("OLD", "NEW")), path="/github",
                            keep={"requests": 5 + reloads % 3}, wait=f"{reloads}s"), start=False)
        daemon.cli("reload")
    stop.set()
    for worker in workers:
        worker.join()
    assert {status for _, status in answers} == {200}, [one for one in answers if one[1] != 200][:5]
    uses = daemon.cli_json("webhook", "secrets", "site")["secrets"]
    assert sum(one["usesSinceStart"] for one in uses) == len(answers)


def test_no_delivery_finds_nobody_while_its_path_moves_to_another_workflow(daemon):
    def share(owner):
        for slug in ("one", "two"):
            options = github("NEW", **({"path": "/shared"} if slug == owner else {}))
            daemon.workflow(slug, STEPS, triggers=[{"plugin": "webhook", "id": "in", "with": options}])

    share("one")
    daemon.start(env=SECRETS)
    stop, answers = threading.Event(), []

    def deliver():
        while not stop.is_set():
            answers.append(signed(daemon, SECRETS["NEW"], path="/shared").status)

    workers = [threading.Thread(target=deliver) for _ in range(4)]
    for worker in workers:
        worker.start()
    for n in range(20):
        share("two" if n % 2 == 0 else "one")
        daemon.cli("reload")
    stop.set()
    for worker in workers:
        worker.join()
    assert len(answers) > 50 and set(answers) == {200}
