"""`tappet import crontab`: the formats of Debian and cronie, and what the imported entries do."""

import json
import os
import pwd
import subprocess

import pytest
from daemon import TAPPET, wait_until

# As Debian 12 has them.
ETC_CRONTAB = r"""# /etc/crontab: system-wide crontab
# Unlike any other crontab you don't have to run the `crontab'
# command to install the new version when you edit this file
# and files in /etc/cron.d. These files also have username fields,
# that none of the other crontabs do.

SHELL=/bin/sh
# You can also override PATH, but by default, newer versions inherit it from the environment
#PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin

# Example of job definition:
# .---------------- minute (0 - 59)
# |  .------------- hour (0 - 23)
# |  |  .---------- day of month (1 - 31)
# |  |  |  .------- month (1 - 12) OR jan,feb,mar,apr ...
# |  |  |  |  .---- day of week (0 - 6) (Sunday=0 or 7) OR sun,mon,tue,wed,thu,fri,sat
# |  |  |  |  |
# *  *  *  *  * user-name command to be executed
17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
47 6	* * 7	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.weekly; }
52 6	1 * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.monthly; }
#
"""
CRON_D = r"""#
# cron.d/mdadm -- schedules periodic redundancy checks of MD devices
#

# By default, run at 00:57 on every Sunday, but do nothing unless the day of
# the month is less than or equal to 7. Thus, only run on the first Sunday of
# each month. crontab(5) sucks, unfortunately, in this regard; therefore this
# hack (see #380425).
57 0 * * 0 root if [ -x /usr/share/mdadm/checkarray ] && [ $(date +\%d) -le 7 ]; then /usr/share/mdadm/checkarray --cron --all --idle --quiet; fi

# Look for and purge old sessions every 30 minutes
09,39 *     * * *     root   [ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi

# The first element of the path is a directory where the debian-sa1
# script is located
PATH=/usr/lib/sysstat:/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin

# Activity reports every 10 minutes everyday
5-55/10 * * * * root command -v debian-sa1 > /dev/null && debian-sa1 1 1

30 3 * * 0 www-data test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron
0 */12 * * * root test -x /usr/bin/certbot -a \! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && certbot -q renew
@reboot root /usr/bin/true
"""
CRONTAB_E = r"""# Edit this file to introduce tasks to be run by cron.
#
# For example, you can run a backup of all your user accounts
# at 5 a.m every week with:
# 0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
#
# For more information see the manual pages of crontab(5) and cron(8)
#
# m h  dom mon dow   command
0 6 * * * /usr/local/bin/first
# Send the report.
	30 7 * * MON-fri  /usr/local/bin/report --quiet
#0 8 * * * /usr/local/bin/switched-off
# What this says belongs to what is switched off
# 15 8 * * * /usr/local/bin/switched-off-too
0 9 * * * /usr/local/bin/second
@daily /usr/local/bin/third
@midnight	/usr/local/bin/third
"""


class Imported:
    def __init__(self, done, daemon):
        self.code, self.out, self.notes = done.returncode, done.stdout, done.stderr.splitlines()
        self.files = {path.stem: json.loads(path.read_text()) for path in (daemon.folder / "workflows").iterdir()}

    def with_(self, slug):
        return self.files[slug]["triggers"][0]["with"]

    def step(self, slug):
        return self.files[slug]["steps"][0]


def import_(daemon, text, *options, name="crontab"):
    (daemon.folder / name).write_text(text, encoding="utf-8")
    daemon.configure(plugins={"schedule": {}})
    done = daemon.cli("import", "crontab", name, "--timezone", "Europe/Amsterdam", *options, check=False)
    daemon.cli("check")
    return Imported(done, daemon)


def test_the_crontab_of_the_system_is_taken_over(daemon):
    found = import_(daemon, ETC_CRONTAB)
    assert (found.code, found.notes) == (0, [])
    assert "read as a crontab of the system, which names users, times by Europe/Amsterdam" in found.out
    assert "workflows made: 4" in found.out
    assert len(found.files) == 4
    hourly = found.files["cd-run-parts"]
    assert hourly == {
        "name": "cd / && run-parts",
        "triggers": [{"plugin": "schedule",
                      "with": {"cron": "17 * * * *", "timezone": "Europe/Amsterdam", "misfire": "skip"}}],
        "steps": [{"id": "command", "run": ["/bin/sh", "-c", "cd / && run-parts --report /etc/cron.hourly"], "user": "root",
                   "env": {"SHELL": "/bin/sh"}, "timeout": "1d"}]}
    assert {with_["cron"] for with_ in map(found.with_, found.files)} == {"17 * * * *", "25 6 * * *", "47 6 * * 7",
                                                                          "52 6 1 * *"}


def test_the_files_of_cron_d_are_taken_over(daemon):
    found = import_(daemon, CRON_D, "--system")
    assert (found.code, found.notes, len(found.files)) == (0, [], 6)
    sunday = next(w for w in found.files.values() if w["name"].startswith("By default, run at"))
    assert sunday["description"].endswith("hack (see #380425).") and sunday["description"].count("\n") == 3
    # $( is the shell's, \% is a percent sign.
    assert "[ $$(date +%d) -le 7 ]" in sunday["steps"][0]["run"][2]
    php = "look-for-and-purge-old-sessions-every-30"
    assert found.files[php]["name"] == "Look for and purge old sessions every 30 minutes"
    assert "description" not in found.files[php]
    assert "env" not in found.step(php), "the variable stands below"
    assert found.step("activity-reports-every-10-minutes-everyday")["env"] == {
        "PATH": "/usr/lib/sysstat:/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
    assert [s for s in found.files if found.step(s)["user"] == "www-data"] == [
        next(s for s in found.files if "e2scrub" in found.step(s)["run"][2])]
    assert found.with_("usr-bin-true") == {"cron": "@reboot"}


def test_a_crontab_of_a_user_is_taken_over_without_what_is_switched_off(daemon):
    found = import_(daemon, CRONTAB_E)
    assert (found.code, found.notes) == (0, [])
    assert "read as a crontab of a user" in found.out
    assert sorted(found.files) == ["send-the-report", "usr-local-bin-first", "usr-local-bin-second", "usr-local-bin-third",
                                   "usr-local-bin-third-2"]
    assert found.files["send-the-report"]["name"] == "Send the report"
    assert found.with_("send-the-report")["cron"] == "30 7 * * MON-fri"
    assert found.step("send-the-report")["run"] == ["/bin/sh", "-c", "cd; /usr/local/bin/report --quiet"]
    assert found.with_("usr-local-bin-third-2")["cron"] == "@midnight"
    for workflow in found.files.values():
        assert "user" not in workflow["steps"][0] and "description" not in workflow


def test_whose_crontab_it_is_can_be_said(daemon):
    found = import_(daemon, "0 6 * * * root x\n", "--user", "www-data")
    assert found.step("root-x")["user"] == "www-data" and found.step("root-x")["run"][2] == "cd; root x"


@pytest.mark.parametrize("text, system", [
    ("0 6 * * * root true\n", True),
    ("0 6 * * * sync\n", False),
    ("0 6 * * * root true\n0 6 * * * cd /tmp\n", False),
    ("0 6 * * * mail -s x\n", False),
    ("X=y\n# z\n@daily root true\n0 6 * * * mail true\n", True),
])
def test_the_kind_of_a_crontab_is_seen(daemon, text, system):
    found = import_(daemon, text)
    assert ("of the system" in found.out) is system


def test_variables_hold_from_their_line_on(daemon):
    found = import_(daemon, """CRON_TZ=Asia/Tokyo
NAME = "two words"
'Q'='x'
0 1 * * * one
NAME=$(not) replaced # all of it
SHELL=/bin/bash
CRON_TZ=America/New_York
0 2 * * * two
""")
    assert (found.code, found.notes) == (0, [])
    assert found.with_("one")["timezone"] == "Asia/Tokyo" and found.with_("two")["timezone"] == "America/New_York"
    assert found.step("one")["env"] == {"NAME": "two words", "Q": "x"}
    assert found.step("two")["env"] == {"NAME": "$$(not) replaced # all of it", "Q": "x", "SHELL": "/bin/bash"}
    assert found.step("two")["run"][0] == "/bin/bash"


def test_what_cannot_be_carried_over_is_named_with_its_line(daemon):
    found = import_(daemon, """MAILTO=ada@example.org
0 25 * * * one
TZ=Asia/Tokyo
0 6 * * *
what is this
RANDOM_DELAY=5
TAPPET_RUN=1
a-b=1
0 6 30 2 * never
CRON_TZ=Mars/Base
0 6 * * * two
""")
    assert found.code == 1
    assert [note.split(":")[1] for note in found.notes] == ["4", "5", "1", "3", "6", "7", "8", "2", "11"]
    for words in ("there is no command", "neither an entry nor a variable", "MAILTO is not carried over", "TZ is for the commands",
                  "jitter", "is set by the daemon", "no name for a variable", "hour, character 3", "Mars/Base"):
        assert any(words in note for note in found.notes), (words, found.notes)
    assert list(found.files) == ["never"]
    assert found.step("never")["env"] == {"TZ": "Asia/Tokyo"}


def test_steps_that_are_larger_than_their_field_are_vixies(daemon):
    found = import_(daemon, "*/90 * * * * x\n")
    assert found.with_("x") == {"cron": "*/90 * * * *", "dialect": "vixie", "timezone": "Europe/Amsterdam", "misfire": "skip"}


def test_nothing_is_written_when_it_is_only_shown_or_something_is_there(daemon):
    found = import_(daemon, "0 6 * * * x\n", "--dry-run")
    assert found.files == {} and '"cron": "0 6 * * *"' in found.out
    assert "workflows that would be made: 1; nothing was written" in found.out
    daemon.workflow("b", [{"id": "a", "sleep": "1s"}], triggers=[])
    found = import_(daemon, "0 6 * * * a\n0 7 * * * b\n")
    assert found.code == 5 and list(found.files) == ["b"] and "none of them was made" in found.notes[-1]
    assert import_(daemon, "", "--dry-run").code == 0
    assert daemon.cli("import", "crontab", "none", check=False).returncode == 1
    assert daemon.cli("import", "crontab", "crontab", "--timezone", "Mars/Base", check=False).returncode == 2
    assert daemon.cli("import", "crontab", "crontab", "--user", "x", "--system", check=False).returncode == 2


def test_programs_are_told_as_json(daemon):
    (daemon.folder / "c").write_text("MAILTO=x\n0 6 * * * root x\n0 25 * * * root y\n", encoding="utf-8")
    done = daemon.cli("import", "crontab", "c", "--json", "--timezone", "UTC", check=False)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["failed"], answer["system"], answer["timezone"]) == (1, 1, True, "UTC")
    assert [(w["line"], w["workflow"]) for w in answer["workflows"]] == [(2, "x")]
    assert [note["line"] for note in answer["notes"]] == [1, 3]


def test_only_their_owner_can_read_what_was_imported(daemon):
    found = import_(daemon, "PGPASSWORD=hunter2\n0 6 * * * pg_dump db\n")
    path = daemon.folder / "workflows" / "pg-dump-db.json"
    assert path.stat().st_mode & 0o777 == 0o600 and "hunter2" in path.read_text()
    assert "which only you can read" in found.out


@pytest.mark.parametrize("command, slug, name", [
    ("mysqldump -phunter2 db", "mysqldump", "mysqldump"),
    ("mysqldump '-phunter2' db", "mysqldump", "mysqldump"),
    ("nice /opt/dump all --password hunter2", "nice-opt-dump-all", "nice /opt/dump all"),
    ("curl https://ada:hunter2@example.org/", "curl", "curl"),
    ("backup to password=hunter2", "backup-to", "backup to"),
    ("A=1 PGPASSWORD=hunter2 pg_dump hunter2", "pg-dump", "pg_dump"),
    ("PGPASSWORD='so hunter2' pg_dump db", "cron-line-1", "cron line 1"),
    ("PGPASSWORD=hunter2", "cron-line-1", "cron line 1"),
    ("A=1 -phunter2", "cron-line-1", "cron line 1"),
])
def test_passwords_are_no_names(daemon, command, slug, name):
    found = import_(daemon, f"0 6 * * * {command}\n")
    assert (found.code, list(found.files), found.files[slug]["name"]) == (0, [slug], name)
    assert "hunter2" in found.step(slug)["run"][2]


def test_what_is_not_utf8_is_refused_and_not_altered(daemon):
    text = b"""A=caf\xe9
0 6 * * * one caf\xe9
0 6 * * * two%caf\xe9
# caf\xe9
0 6 * * * three
0 6 * * * four \xc3\xa9
SHELL=/bin/\xe9
0 6 * * * five
"""
    (daemon.folder / "c").write_bytes(text)
    daemon.configure(plugins={"schedule": {}})
    done = daemon.cli("import", "crontab", "c", "--timezone", "UTC", check=False)
    found = Imported(done, daemon)
    assert found.code == 1 and sorted(path.split("-")[0] for path in found.files) == ["four", "three"]
    assert all("UTF-8" in note for note in found.notes)
    assert sorted(int(note.split(":")[1]) for note in found.notes) == [1, 2, 3, 5, 7, 8]
    assert found.files["three"]["name"] == "three" and "env" not in found.step("three")
    (daemon.folder / "c").write_bytes(b"0 6 * * * x\0\n0 6 * * * y\n")
    done = daemon.cli("import", "crontab", "c", check=False)
    assert done.returncode == 1 and "NUL" in done.stderr


def test_a_command_begins_at_home_unless_it_goes_elsewhere(daemon):
    (daemon.folder / "home" / "below").mkdir(parents=True)
    found = import_(daemon, f"""HOME={daemon.folder}/home
# relative
0 0 1 1 * cd below && pwd > said
# absolute
0 0 1 1 * cd /tmp && true
# blanks
0 0 1 1 * cd  below && true
""")
    assert found.step("relative")["run"][2] == "cd; cd below && pwd > said"
    assert found.step("absolute")["run"][2] == "cd /tmp && true"
    assert found.step("blanks")["run"][2] == "cd; cd  below && true"
    daemon.start()
    daemon.cli("schedule", "run", "relative/schedule", "--follow")
    assert (daemon.folder / "home" / "below" / "said").read_text() == f"{daemon.folder}/home/below\n"


def test_a_dash_in_front_is_taken_away(daemon):
    found = import_(daemon, "-*/5 * * * * root x\n-@daily root y\n")
    assert found.code == 0 and "of the system" in found.out
    assert found.with_("x")["cron"] == "*/5 * * * *" and found.with_("y")["cron"] == "@daily"
    assert found.step("x")["user"] == "root"
    assert [note.split(":")[1] for note in found.notes] == ["1", "2"] and all("syslog" in note for note in found.notes)


def test_a_carriage_return_parts_no_words(daemon):
    (daemon.folder / "c").write_bytes(b"@midnight\rx\n@daily y\r\n")
    daemon.configure(plugins={"schedule": {}})
    found = Imported(daemon.cli("import", "crontab", "c", "--timezone", "UTC", check=False), daemon)
    assert (found.code, list(found.files)) == (1, ["y"]) and "there is no command" in found.notes[0]


def test_a_kind_that_is_in_doubt_is_told(daemon):
    text = "# z\n0 6 * * * root true\n0 6 * * * nobody-here true\n"
    found = import_(daemon, text, "--dry-run")
    assert "of a user" in found.out
    assert [note.split(":")[1] for note in found.notes] == ["3"] and "no user of this machine" in found.notes[0]
    assert import_(daemon, text, "--dry-run", "--system").notes == []
    assert import_(daemon, text, "--dry-run", "--user", "root").notes == []
    assert import_(daemon, "0 6 * * * one x\n0 6 * * * two x\n", "--dry-run").notes == []


def test_a_backslash_goes_with_the_character_behind_it(daemon):
    found = import_(daemon, r"""# a
0 6 * * * echo \\%in \\%put
# b
0 6 * * * echo \\\% \n \%
""")
    assert found.step("a")["run"][2] == r"cd; echo \\" and found.step("a")["stdin"] == "in \\%put\n"
    assert found.step("b")["run"][2] == r"cd; echo \\% \n %" and "stdin" not in found.step("b")


@pytest.mark.parametrize("names, zone, told", [
    ("Asia/Tokyo\n", "Asia/Tokyo", False),
    ("", "UTC", True),
])
def test_the_zone_of_a_machine_without_the_link_is_looked_for(daemon, names, zone, told):
    if subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no namespaces")
    daemon.configure(plugins={"schedule": {}})
    etc = daemon.folder / "etc"
    etc.mkdir()
    (etc / "localtime").write_bytes(b"TZif")
    (etc / "timezone").write_text(names)
    (daemon.folder / "c").write_text("0 6 * * * x\n")
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", f"mount --bind {etc} /etc && exec {TAPPET} import crontab c --dry-run"],
                          cwd=daemon.folder, env={k: v for k, v in os.environ.items() if k != "TZ"}, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0 and f"times by {zone}\n" in done.stdout, done
    assert ("--timezone" in done.stderr) is told


def test_an_imported_entry_does_what_it_did(daemon):
    me = pwd.getpwuid(daemon.folder.stat().st_uid).pw_name
    (daemon.folder / "home").mkdir()
    import_(daemon, f"""HOME={daemon.folder}/home
GREETING=Hello, $USER
# Say it
0 0 1 1 * cat > said; echo "$GREETING $(expr 6 \\* 7) 100\\%" >> said%Dear Ada,%%all \\% well
""", "--user", me)
    daemon.start()
    daemon.cli("schedule", "run", "say-it/schedule", "--follow")
    said = (daemon.folder / "home" / "said").read_text()
    assert said == "Dear Ada,\n\nall % well\nHello, $USER 42 100%\n"


def test_reboot_runs_when_the_daemon_starts(daemon):
    import_(daemon, f"@reboot echo up >> {daemon.folder}/up\n")
    daemon.start()
    up = daemon.folder / "up"
    wait_until(lambda: up.exists() and up.read_text() == "up\n", "the first start")
    daemon.restart()
    wait_until(lambda: up.read_text() == "up\nup\n", "the second start")
