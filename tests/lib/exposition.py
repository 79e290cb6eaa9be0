"""A strict reader of Prometheus text (exposition format 0.0.4): whatever is odd fails."""

import re
from collections import namedtuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)\Z")
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\]|\\\\|\\n)+)\Z")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)\Z")
PARTS = ("_bucket", "_sum", "_count")

Series = namedtuple("Series", "name labels")  # labels: pairs, in their order


class Family:
    def __init__(self, name, help_text):
        self.name = name
        self.help = help_text
        self.type = None
        self.samples = {}

    @property
    def label_names(self):
        """Of all its lines, without the `le` of buckets."""
        return {key for series in self.samples for key, _ in series.labels} - {"le"}

    def value(self, **labels):
        """Of the line with exactly these labels; 0 when there is none yet."""
        return self.samples.get(Series(self.name, tuple(labels.items())), 0.0)

    def owns(self, name):
        return name == self.name if self.type != "histogram" else name in [self.name + part for part in PARTS]


def read_labels(text):
    labels, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"labels that cannot be read: {text}"
        labels.append((match[1], match[2]))
        at = match.end()
    assert not text.endswith(","), text
    names = [key for key, _ in labels]
    assert len(names) == len(set(names)), f"a label comes twice: {text}"
    return tuple(labels)


def read_sample(family, line):
    match = SAMPLE.match(line)
    assert match, f"no sample: {line}"
    series = Series(match[1], read_labels(match[2] or ""))
    assert family and family.type and family.owns(series.name), f"a sample outside of its family: {line}"
    assert match[2] != "", f"empty braces: {line}"
    assert series not in family.samples, f"a series comes twice: {line}"
    family.samples[series] = float(match[3])


def check_histogram(family):
    groups = {}
    for (name, labels), value in family.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        group = groups.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            group["buckets"].append((float(dict(labels)["le"]), value))
        else:
            group[name[len(family.name):]] = value
    for labels, group in groups.items():
        bounds = [bound for bound, _ in group["buckets"]]
        counts = [count for _, count in group["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), f"{family.name}{labels}: {bounds}"
        assert counts == sorted(counts), f"{family.name}{labels} is not cumulative: {counts}"
        assert counts[-1] == group["_count"] and "_sum" in group, f"{family.name}{labels}"


def check_family(family):
    assert family.type, f"{family.name} has no type"
    assert family.name.startswith("tappet_")
    assert (family.type == "counter") == family.name.endswith("_total"), family.name
    if family.type == "counter":
        assert all(value >= 0 for value in family.samples.values()), family.name
    if family.type == "histogram":
        assert not family.name.endswith(PARTS)
        check_histogram(family)


def parse(text):
    """Families by name."""
    assert text.endswith("\n")
    families, family = {}, None
    for line in text[:-1].split("\n"):
        if match := HELP.match(line):
            assert match[1] not in families, f"a second HELP: {line}"
            family = families[match[1]] = Family(match[1], match[2])
        elif match := TYPE.match(line):
            assert family and family.name == match[1] and not family.type, f"a TYPE in the wrong place: {line}"
            family.type = match[2]
        else:
            read_sample(family, line)
    for family in families.values():
        check_family(family)
    return families
