"""Fixtures. Everything that uses the network runs in tests/netns: see `run`."""

import itertools
import os

import pytest

from mcl.messages import messages
from mcl.network.udp import Connection

_groups = itertools.count(1)


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
