"""What a webhook trigger remembers: uses of its secrets."""

import hashlib
import hmac
import json

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
    assert daemon.request("GET", "/api/v1/plugins/webhook/secrets/site").status == 401
