"""Fixtures. Everything that uses the network runs in tests/netns: see `run`."""

import itertools
import os
import sys
import zlib

import pytest

from logs import data
from mcl import WriteFile
from mcl.messages import messages
from mcl.network.udp import Connection

_groups = itertools.count(1)

# Tests of what needs NumPy or pandas, and the versions for which requirements.txt has it; and of
# faulthandler, which Python 2 does not have. A list of versions, rather than a look at what can be
# imported, says when installing it went wrong.
collect_ignore = [
    name
    for name, versions in (
        ('test_log_arrays.py', [(2, 7), (3, 8), (3, 13)]),
        ('test_log_frames.py', [(2, 7), (3, 13)]),
        ('test_faulthandler.py', [(3, minor) for minor in range(6, 14)]),
    )
    if sys.version_info[:2] not in versions
]

# Slow. `run` has them shared out among the versions that are neither the oldest nor the newest: of
# each age of Python (see `run`), one runs all.
SHARED_OUT = {
    'test_examples.py',
    'test_exit.py',
    'test_fork.py',
    'test_idioms_processes.py',
    'test_idioms_signals.py',
    'test_interrupted.py',
    'test_ledger.py',
    'test_legacy_logs.py',
    'test_legacy_programs.py',
    'test_log_file.py',
    'test_log_read.py',
    'test_log_tools.py',
    'test_many.py',
    'test_recording.py',
    'test_replay.py',
    'test_slow.py',
    'test_slow_link.py',
    'test_storms.py',
    'test_wheel.py',
}


def pytest_configure(config):
    """Leave out what is to be ignored when it is named, too."""
    config.args[:] = [arg for arg in config.args
                      if os.path.basename(arg.split('::')[0]) not in collect_ignore]


def pytest_collection_modifyitems(config, items):
    """Leave out what other interpreters run: MCL_TEST_SHARE is "2/6" on the second of six."""
    share = os.environ.get('MCL_TEST_SHARE')
    if not share:
        return
    number, of = [int(part) for part in share.split('/')]
    others = {
        item
        for item in items
        if item.fspath.basename in SHARED_OUT
        and zlib.crc32(item.nodeid.encode('utf-8')) % of != number - 1
    }
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=list(others))


@pytest.fixture(scope='session', autouse=True)
def private_network():
    """Refuse to send on a real network."""
    with open('/proc/net/dev') as devices:
        names = [line.split(':')[0].strip() for line in devices if ':' in line]
    if names != ['lo']:
        pytest.exit(
            "run the tests by tests/python/run, or in tests/netns: there are interfaces %s" % names
        )


@pytest.fixture(autouse=True)
def no_message_types():
    """Forget the message types of other tests, as programs do it."""
    messages._MESSAGES = []


@pytest.fixture
def new_connection():
    """Return a function that makes a connection which no other test uses."""

    def make(**options):
        return Connection('ff15::%x:%x' % (os.getpid() & 0xFFFF, next(_groups)), **options)

    return make


@pytest.fixture
def connection(new_connection):
    """A connection that no other test uses."""
    return new_connection()


@pytest.fixture
def log(tmpdir, new_connection):
    """Return a function that writes a log of payloads, half a second apart; it gives the prefix."""

    def make(*payloads, **options):
        prefix = str(tmpdir.join(options.pop('name', 'Log')))
        with WriteFile(prefix, options.pop('source', new_connection()), **options) as file:
            for number, payload in enumerate(payloads):
                file.write(data(payload, 'topic', number / 2.0))
        return prefix

    return make
