"""Random patterns against an oracle that knows nothing but the rules: it goes through every minute and its seconds, with the
zones of Python's zoneinfo, and asks for each whether the pattern wants it. (Offsets are whole minutes in these years.)

SCHEDULE_ROUNDS multiplies the patterns (1), SCHEDULE_SEED makes others of them.
"""

import calendar
import json
import os
import random
import subprocess
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from daemon import TAPPET

ROUNDS = int(os.environ.get("SCHEDULE_ROUNDS", "1"))
SEED = os.environ.get("SCHEDULE_SEED", "1")
MINUTE = timedelta(minutes=1)
GAP_MAX = timedelta(hours=3)
# A zone, and a year with changes of the clock that are worth a look.
YEARS = [
    ("UTC", 2026), ("Europe/Amsterdam", 2026), ("Europe/Dublin", 2027), ("Europe/Dublin", 2045),
    ("America/New_York", 2026), ("America/Santiago", 2024), ("America/Sao_Paulo", 2018), ("America/Havana", 2025),
    ("America/Nuuk", 2024), ("Atlantic/Azores", 2026), ("Africa/Cairo", 2024), ("Africa/Casablanca", 2025),
    ("Antarctica/Troll", 2027), ("Asia/Tehran", 2021), ("Asia/Kathmandu", 1985), ("Asia/Beirut", 2024),
    ("Australia/Lord_Howe", 2026), ("Pacific/Apia", 2011), ("Pacific/Chatham", 2026), ("Asia/Pyongyang", 2018),
    ("America/Caracas", 2016), ("Europe/Moscow", 2014), ("Antarctica/Casey", 2010), ("Asia/Gaza", 2030),
    ("Europe/Amsterdam", 2107),
]


# ---- Patterns ----------------------------------------------------------------------------------------------------

def span(rng, low, high):
    first, last = sorted(rng.sample(range(low, high + 1), 2))
    return first, last


def field(rng, low, high, favourites):
    """The text of a field and the values that it stands for."""
    kind = rng.choice(["star", "star", "step", "one", "one", "list", "range", "range-step", "from"])
    everything = range(low, high + 1)
    if kind == "star":
        return "*", set(everything)
    if kind == "step":
        step = rng.randint(1, max(2, (high - low) // 2))
        return f"*/{step}", set(everything[::step])
    if kind == "one":
        value = rng.choice(favourites)
        return str(value), {value}
    if kind == "list":
        values = [rng.choice(favourites) for _ in range(rng.randint(2, 4))]
        return ",".join(map(str, values)), set(values)
    first, last = span(rng, low, high)
    if kind == "range":
        return f"{first}-{last}", set(range(first, last + 1))
    step = rng.randint(1, 5)
    if kind == "range-step":
        return f"{first}-{last}/{step}", set(range(first, last + 1, step))
    return f"{first}/{step}", set(range(first, high + 1, step))


def day_field(rng):
    if rng.random() < 0.15:
        minus = rng.randint(0, 3)
        return ("L" if minus == 0 else f"L-{minus}"), minus
    if rng.random() < 0.1:
        day = rng.randint(1, 31)
        return f"{day}W", ("W", day)
    return ("*", set(range(1, 32))) if rng.random() < 0.4 else field(rng, 1, 31, list(range(1, 32)))


def weekday_field(rng):
    if rng.random() < 0.15:
        day, nth = rng.randint(0, 6), rng.randint(1, 5)
        return f"{day}#{nth}", ("#", day, nth)
    if rng.random() < 0.15:
        day = rng.randint(0, 7)
        return f"{day}L", ("L", day % 7)
    if rng.random() < 0.5:
        return "*", set(range(7))
    first, last = rng.randint(0, 6), rng.randint(0, 6)
    if rng.random() < 0.5:
        return f"{first}-{last}", {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    return f"{first},{last}", {first, last}


def weekday_of(day):
    return (day.weekday() + 1) % 7


def nearest_weekday(year, month, day):
    last = calendar.monthrange(year, month)[1]
    weekday = calendar.weekday(year, month, day)
    if weekday == 5:
        return day - 1 if day > 1 else 3
    if weekday == 6:
        return day + 1 if day < last else day - 2
    return day


class Pattern:
    def __init__(self, rng):
        self.minute_text, self.minutes = field(rng, 0, 59, [0, 15, 30, 45, 59])
        self.hour_text, self.hours = field(rng, 0, 23, [0, 1, 2, 3, 4, 23])
        self.day_text, self.days = day_field(rng)
        self.weekday_text, self.weekdays = weekday_field(rng)
        self.month_text, self.months = ("*", set(range(1, 13))) if rng.random() < 0.7 else field(rng, 1, 12, range(1, 13))
        self.opts = {}
        for name, values in (("day", ["or", "and"]), ("dst_gap", ["run_after", "skip"]),
                             ("dst_overlap", ["first", "last", "both"])):
            if rng.random() < 0.3:
                self.opts[name] = rng.choice(values)
        # Without the field it is second 0.
        self.second_text, self.seconds = (None, {0}) if rng.random() < 0.5 else field(rng, 0, 59, [0, 1, 15, 30, 59])

    @property
    def text(self):
        fields = [self.minute_text, self.hour_text, self.day_text, self.month_text, self.weekday_text]
        return " ".join(fields if self.second_text is None else [self.second_text, *fields])

    @property
    def wild(self):
        return self.minute_text[0] == "*" or self.hour_text[0] == "*"

    def wants_day_of_month(self, day):
        last = calendar.monthrange(day.year, day.month)[1]
        if isinstance(self.days, int):
            return day.day == last - self.days
        if isinstance(self.days, tuple):
            wanted = self.days[1]
            return wanted <= last and day.day == nearest_weekday(day.year, day.month, wanted)
        return day.day in self.days

    def wants_weekday(self, day):
        if isinstance(self.weekdays, set):
            return weekday_of(day) in self.weekdays
        if weekday_of(day) != self.weekdays[1]:
            return False
        if self.weekdays[0] == "#":
            return (day.day - 1) // 7 + 1 == self.weekdays[2]
        return (day + timedelta(days=7)).month != day.month

    def wants_day(self, day):
        if day.month not in self.months:
            return False
        both = self.wants_day_of_month(day), self.wants_weekday(day)
        unrestricted = "*" in (self.day_text, self.weekday_text)
        stars = self.day_text[0] == "*" or self.weekday_text[0] == "*"
        join = self.opts.get("day", "and" if stars else "or")
        return any(both) if join == "or" and not unrestricted else all(both)

    def wants(self, local, days):
        if local.minute not in self.minutes or local.hour not in self.hours:
            return False
        key = local.toordinal()
        if key not in days:
            days[key] = self.wants_day(local)
        return days[key]


# ---- The oracle --------------------------------------------------------------------------------------------------

class Clock:
    """Every minute of some time in a zone: instant, local time, whether it comes again, whether it has been before."""

    def __init__(self, zone, begin, end):
        self.minutes, self.gaps = [], []
        info, instant, before = ZoneInfo(zone), begin, None
        while instant < end:
            aware = instant.astimezone(info)
            local, offset = aware.replace(tzinfo=None, fold=0), aware.utcoffset()
            first, second = (aware.replace(fold=fold).utcoffset() for fold in (0, 1))
            twice = first > second
            self.minutes.append((instant, local, twice and not aware.fold, twice and bool(aware.fold)))
            if before is not None and offset > before:
                self.gaps.append((instant, local - (offset - before), local))
            before = offset
            instant += MINUTE


def expected(pattern, clock):
    gap = pattern.opts.get("dst_gap", "skip" if pattern.wild else "run_after")
    overlap = pattern.opts.get("dst_overlap", "both" if pattern.wild else "first")
    seconds = [timedelta(seconds=second) for second in sorted(pattern.seconds)]
    fires, days = set(), {}
    for instant, local, again, before in clock.minutes:
        if (before and overlap == "first") or (again and overlap == "last"):
            continue
        if pattern.wants(local, days):
            fires.update(instant + second for second in seconds)
    for instant, local, end in clock.gaps:
        if gap == "run_after" and end - local <= GAP_MAX:
            while local < end:
                if pattern.wants(local, days):
                    fires.add(instant)
                local += MINUTE
    return sorted(fires)


def ask(questions):
    text = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([TAPPET, "schedule", "next", "--jsonl"], input=text, text=True, capture_output=True,
                          check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(zone, clock, patterns):
    begin, end = clock.minutes[0][0], clock.minutes[-1][0] + MINUTE
    wanted = [expected(pattern, clock) for pattern in patterns]
    found = ask([{"expr": pattern.text, "dialect": "unix", "opts": pattern.opts, "tz": zone,
                  "from": (begin - timedelta(seconds=1)).isoformat(), "n": min(len(fires) + 1, 9000)}
                 for pattern, fires in zip(patterns, wanted)])
    for pattern, fires, answer in zip(patterns, wanted, found):
        assert answer["valid"], (pattern.text, answer)
        instants = [datetime.fromisoformat(text) for text in answer["next"]]
        got = [instant for instant in instants if instant < end]
        if len(instants) == 9000:
            fires = fires[:len(got)]
        assert got == fires, (zone, pattern.text, pattern.opts, sorted(set(got) ^ set(fires))[:5])


def changes(zone, year):
    info, found = ZoneInfo(zone), []
    instant = datetime(year, 1, 1, tzinfo=timezone.utc)
    before = instant.astimezone(info).utcoffset()
    while instant.year == year:
        instant += timedelta(hours=1)
        offset = instant.astimezone(info).utcoffset()
        if offset != before:
            found.append(instant)
        before = offset
    return found or [datetime(year, 6, 1, tzinfo=timezone.utc)]


@pytest.mark.parametrize("zone, year", YEARS)
def test_every_second_around_a_change_of_the_clock(zone, year):
    rng = random.Random(f"{SEED} {zone} {year}")
    for change in changes(zone, year):
        begin = change.replace(minute=0) - timedelta(hours=30)
        clock = Clock(zone, begin, begin + timedelta(hours=60))
        compare(zone, clock, [Pattern(rng) for _ in range(60 * ROUNDS)])


@pytest.mark.parametrize("zone, year", YEARS[:12:3] + [("Australia/Lord_Howe", 2026), ("Africa/Casablanca", 2025)])
def test_every_second_of_a_year(zone, year):
    rng = random.Random(f"{SEED} year {zone} {year}")
    clock = Clock(zone, datetime(year, 1, 1, tzinfo=timezone.utc), datetime(year + 1, 1, 1, tzinfo=timezone.utc))
    compare(zone, clock, [Pattern(rng) for _ in range(6 * ROUNDS)])
