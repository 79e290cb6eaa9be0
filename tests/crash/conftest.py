"""Fixtures: daemons whose files are gone after the test, whatever becomes of it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from daemon import Daemon  # noqa: E402


@pytest.fixture
def make_daemon():
    made = []

    def make(*arguments, **keywords):
        made.append(Daemon(*arguments, **keywords))
        return made[-1]

    yield make
    errors = []
    for daemon in made:
        try:
            daemon.close()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def daemon(make_daemon):
    """Not started, without workflows."""
    return make_daemon()
