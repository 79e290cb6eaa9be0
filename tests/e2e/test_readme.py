"""The README's first workflow, followed to the letter: only the port is a free one."""

import re
import subprocess

from daemon import ROOT, TAPPET

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README[README.index("## A first workflow"):], re.MULTILINE | re.DOTALL)


def run(command, folder):
    path = f"{TAPPET.parent}:/usr/bin:/bin"
    done = subprocess.run(["bash", "-euc", command], cwd=folder, env={"PATH": path, "HOME": str(folder)}, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def commands(block):
    for line in block.splitlines():
        line = line.split(" #")[0].strip()
        if line:
            yield line


def test_the_first_workflow_of_the_readme_runs_as_it_says(make_daemon, tmp_path):
    (_, init), (_, definition), (_, use) = BLOCKS[:3]
    made = [line for line in commands(init) if line.startswith("tappet init")]
    shown = run(made[0] + " --listen 127.0.0.1:0", tmp_path)
    token = re.search(r"tpt_[\w-]{43}", shown).group(0)
    folder = tmp_path / "hello-tappet"
    (folder / "workflows" / "hello.json").write_text(definition, encoding="utf-8")
    run("tappet check", folder)

    daemon = make_daemon(folder, configure=False)
    daemon.start()
    activity = "ACTIVITY"
    for line in commands(use):
        line = line.replace("tpt_…", token).replace("127.0.0.1:8080", "%s:%d" % daemon.address)
        out = run(line.replace("ACTIVITY", activity), folder)
        found = re.search(r'"activityId":"([0-9a-f]{24})"', out)
        activity = found.group(1) if found and activity == "ACTIVITY" else activity
    assert daemon.wait_end(token, activity)["steps"][0]["outputs"] == {"greeting": "Hello, you"}


def test_init_beyond_this_machine_serves_what_the_webhook_needs(tmp_path):
    shown = run("tappet init there --listen 0.0.0.0:0", tmp_path)
    assert "http://127.0.0.1:PORT/webhook/payload" in shown
    run("tappet check", tmp_path / "there")
    assert '"serve": ["hooks", "health"]' in (tmp_path / "there" / "tappet.json").read_text(encoding="utf-8")
