"""A handler of a signal may raise at any line of close(): it closes, and keeps what it told."""

import os
import sys

import pytest

from helpers import wait_for
from logs import ORIGIN
from mcl import LogConnection, RawBroadcaster, RawListener, ReadFile, WriteFile

COUNT = 10


def interrupt(close, number):
    """Call close() with KeyboardInterrupt at line `number` of what it runs in the handles' modules.

    Returns:
        bool: False when it has fewer lines.
    """
    lines = []

    def trace(frame, event, _):
        if os.path.basename(frame.f_code.co_filename) not in ('_handles.py', '_handles.pyc'):
            return None
        if event == 'line':
            lines.append(frame.f_lineno)
            if len(lines) == number:
                raise KeyboardInterrupt  # which ends the tracing
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        close()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return len(lines) >= number


def descriptors():
    return len(os.listdir('/proc/self/fd'))


class Recording(object):
    def __init__(self, connection, tmpdir):
        self.prefix = str(tmpdir.join('log'))
        self.object = LogConnection(self.prefix, connection)
        with RawBroadcaster(connection) as broadcaster:
            broadcaster.publish_many(range(COUNT))
        wait_for(lambda: self.object.stats()['listener']['delivered'] == COUNT, "recording")

    def is_open(self):
        return self.object.is_alive()

    def check(self):
        counters = self.object.stats()
        assert counters['entries'] == counters['listener']['delivered'] == COUNT
        with ReadFile(self.prefix) as log:
            assert len(list(log)) == COUNT
        os.remove(self.prefix + '.log')


class Writing(object):
    def __init__(self, connection, tmpdir):
        self.prefix = str(tmpdir.join('log'))
        self.object = WriteFile(self.prefix, connection)
        for number in range(COUNT):
            self.object.write({'topic': '', 'payload': number, 'time_received': ORIGIN})

    def is_open(self):
        return not self.object._handle.closed

    def check(self):
        assert self.object.stats()['entries'] == COUNT
        with ReadFile(self.prefix) as log:
            assert len(list(log)) == COUNT
        os.remove(self.prefix + '.log')


class Listening(object):
    def __init__(self, connection, _):
        self.object = RawListener(connection)
        with RawBroadcaster(connection) as broadcaster:
            broadcaster.publish_many(range(COUNT))
        wait_for(lambda: self.object.stats()['messages'] == COUNT, "receiving")

    def is_open(self):
        return self.object.is_open

    def check(self):
        assert self.object.stats()['messages'] == COUNT


class Publishing(object):
    def __init__(self, connection, _):
        self.object = RawBroadcaster(connection)
        self.object.publish(1)

    def is_open(self):
        return self.object.is_open

    def check(self):
        assert self.object.stats()['messages'] == 1


class Reading(object):
    def __init__(self, connection, tmpdir):
        self.prefix = str(tmpdir.join('log'))
        with WriteFile(self.prefix, connection) as log:
            log.write({'topic': '', 'payload': 1, 'time_received': ORIGIN})
        self.object = ReadFile(self.prefix)

    def is_open(self):
        return False  # to close it again closes what is left

    def check(self):
        os.remove(self.prefix + '.log')


@pytest.mark.parametrize('kind', [Recording, Writing, Listening, Publishing, Reading])
def test_close(kind, new_connection, tmpdir):
    connection = new_connection()
    kind(connection, tmpdir).object.close()  # what is opened once a process
    for leftover in tmpdir.listdir():
        leftover.remove()
    before, number, reached = descriptors(), 0, True
    while reached:
        number += 1
        made = kind(connection, tmpdir)
        reached = interrupt(made.object.close, number)
        if made.is_open():  # it had not begun
            assert made.object.close()
        assert not made.object.close()
        made.check()
        wait_for(lambda: descriptors() <= before, "closing of what it had open (line %d)" % number)
    assert number > 5
