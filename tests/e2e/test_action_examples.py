"""examples/actions: each is run against a daemon, or read as its browser would read it."""

import html.parser
import os
import subprocess
import sys

import pytest
from daemon import BUILD, ROOT, wait_until

FOLDER = ROOT / "examples" / "actions"
PROGRAMS = {"c": [str(BUILD / "examples" / "follow")], "python": [sys.executable, str(FOLDER / "python" / "follow.py")]}
STEPS = [{"id": "nothing", "sleep": "0s"}]


@pytest.fixture(name="served")
def served_fixture(daemon):
    daemon.configure(plugins={"webhook": {}, "action": {}})
    daemon.workflow("orders", STEPS, triggers=[{"plugin": "action", "with": {"topic": "orders.>"}}])
    daemon.start()
    daemon.configure(plugins={"webhook": {}, "action": {}}, listen=[f"127.0.0.1:{daemon.address[1]}"])
    daemon.secret = daemon.token("orders", scopes=("action:>", "subscribe"))
    return daemon


class Program:
    """One run of a program, in a folder where it keeps its position."""

    def __init__(self, daemon, name, folder, *arguments, token=None):
        self.out = folder / "out"
        with self.out.open("ab") as out:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen([*PROGRAMS[name], f"ws://127.0.0.1:{daemon.address[1]}/action", *arguments], cwd=folder,
                                            env={**os.environ, "TAPPET_TOKEN": token or daemon.secret}, stdout=out)

    def lines(self, word):
        return [line.split() for line in self.out.read_text().splitlines() if line.split()[:1] == [word]]

    def end(self):
        self.process.send_signal(2)
        # Its library waits up to 40 s for the other side to close the connection.
        assert self.process.wait(60) == 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_acts_follows_and_goes_on_where_it_stopped(served, name, tmp_path):
    first = Program(served, name, tmp_path, "orders.new", '{"n": 1}')
    wait_until(lambda: first.lines("ack") and len(first.lines("event")) >= 3, "the acknowledgement and the events")
    assert "matched=1" in str(first.lines("ack")) or '"matched": 1' in first.out.read_text()
    served.restart()
    served.cli("emit", "orders.new")
    wait_until(lambda: len(first.lines("event")) >= 8, "events after a restart of the daemon")
    first.end()
    served.cli("emit", "orders.new")
    second = Program(served, name, tmp_path)
    # What the last emission started may still run: events may follow the one that is the newest now.
    newest = served.api("GET", "/events?since=0").json["newest"]
    wait_until(lambda: str(newest) in [line[1] for line in second.lines("event")], "the newest event")
    second.end()
    seen = [int(line[1]) for line in second.lines("event")]
    assert seen == list(range(seen[0], seen[0] + len(seen)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_ends_when_its_token_is_not_taken(served, name, tmp_path):
    program = Program(served, name, tmp_path, token="wrong")
    assert program.process.wait(30) == 1


class Page(html.parser.HTMLParser):
    """Collects scripts and ids, and checks that what is opened is closed."""

    VOID = ("meta", "input", "link", "br")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.script = [], set(), ""

    def handle_starttag(self, tag, attrs):
        self.ids.update(value for key, value in attrs if key == "id")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.script += data


def test_the_page_is_well_formed(tmp_path):
    page = Page()
    page.feed((FOLDER / "browser" / "index.html").read_text(encoding="utf-8"))
    assert page.open == []
    script = tmp_path / "script.js"
    script.write_text(page.script, encoding="utf-8")
    subprocess.run(["node", "--check", str(script)], check=True, timeout=60)
    for name in ("url", "token", "topic", "data", "state", "log", "connection", "action"):
        assert name in page.ids and f'element("{name}")' in page.script
