"""Fixtures: daemons whose files are gone after the test, whatever becomes of it."""

import pytest

from daemon import Daemon


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
