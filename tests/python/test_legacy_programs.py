"""Programs as users of the legacy system have them run unchanged, and show what they showed there.

They are in the folder `legacy`, and know nothing of these tests.
"""

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from helpers import TIMEOUT, Background, Collector, queue
from test_exit import come_to_its_wait

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'legacy')

THIS = '%d.%d' % sys.version_info[:2]
# {version: (executable, PYTHONPATH)}: those that the tests are run on, by `run`.
PYTHONS = json.loads(os.environ.get('MCL_TEST_PYTHONS', '{}'))
PYTHONS[THIS] = sys.executable, os.environ.get('PYTHONPATH', '')


def other_version():
    """Python 2.7, where a legacy process most likely runs; for that, the newest."""
    others = sorted((version for version in PYTHONS if version != THIS), key=lambda v: int(v[2:]))
    return '2.7' if '2.7' in others else others[-1] if others else None


# The versions of the broadcaster and the listener.
VERSIONS = [(THIS, THIS)]
if other_version():
    VERSIONS += [(THIS, other_version()), (other_version(), THIS)]


class Program(object):
    """A running program, whose lines are read as they come.

    Args:
        before (sequence of str): a command that runs it.
        arguments (iterable of str): its own.
    """

    def __init__(self, name, version=THIS, before=(), arguments=()):
        self.path = os.path.join(FOLDER, name)
        python, path = PYTHONS[version]
        self.process = subprocess.Popen(
            # Unbuffered, as on a terminal.
            list(before) + [python, '-u', self.path] + list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=dict(os.environ, PYTHONPATH=path),
        )
        self._lines = Collector()
        self._output = Background(self._read)
        self._errors = Background(self.process.stderr.read)

    def _read(self):
        for line in iter(self.process.stdout.readline, ''):
            self._lines(line.rstrip('\n'))
        self._lines(None)

    def line(self):
        """Return the next line that it writes."""
        try:
            line = self._lines.get()
        except queue.Empty:
            self.process.kill()
            line = None
        assert line is not None, "no further line, but: " + self._errors.result()
        return line

    def end(self):
        """Wait for its end. Returns its exit code, the lines that are left, and its errors."""
        self._output.result()
        left = list(iter(self._lines.get, None))
        errors = self._errors.result()
        return self.process.wait(), left, errors

    def interrupt(self):
        """Press Ctrl-C, not while it writes a line, and wait for its end."""
        come_to_its_wait(self.process.pid)
        self.process.send_signal(signal.SIGINT)
        return self.end()


@pytest.fixture
def start():
    """Return a function that starts programs as a shell does. They end with the test."""
    programs = []

    def start_program(*arguments):
        programs.append(Program(*arguments))
        return programs[-1]

    # Programs inherit it when SIGINT is ignored, as a shell's background jobs do.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield start_program
    signal.signal(signal.SIGINT, before)
    for program in programs:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


# ---- both ends in one program ----


@pytest.mark.parametrize(
    'name, expected',
    [
        (
            'raw_send_receive.py',
            ['received: hello world 0', 'received: hello world 1', 'received: hello world 2'],
        ),
        (
            'message_send_receive.py',
            ['GnssMessage: -33.9', 'GnssMessage: -34.0', 'imu: [0, 0.5, 1]'],
        ),
    ],
)
def test_one_program(start, name, expected):
    deadline = time.time() + TIMEOUT
    while True:
        code, lines, errors = start(name).end()
        assert (code, errors) == (0, '')
        assert lines[-1] == 'done'
        # They leave 0.1 s for what was sent to arrive, which may be short on a busy machine.
        if lines[:-1] == expected or time.time() > deadline:
            break
        # Nor does each listener know of the other one's lines.
        assert len(lines) <= len(expected) or sorted(lines[:-1]) == sorted(expected)
    assert lines[:-1] == expected


# ---- one end in each ----


def number_of(pattern):
    """Return a function of a line: the number in it, or None when it is another line."""

    def number(line):
        found = re.match(pattern + '$', line)
        return found and float(found.group(1))

    return number


def queued_text(line):
    found = re.match(r'(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.\d{6})? text: number (\d+)$', line)
    assert found, line
    received = datetime.datetime.strptime(found.group(1), '%Y-%m-%dT%H:%M:%S')
    assert abs(received - datetime.datetime(1970, 1, 1) - now()).total_seconds() < 3600
    return float(found.group(2))


def queued_imu(line):
    if line == 'listening':
        return None
    received, message = line.split(' ', 1)
    assert re.match(r'\d\d:\d\d:\d\d\.\d{6}$', received)
    message = json.loads(message)
    assert set(message) == {'gyro', 'accel', 'sensor', 'name', 'timestamp'}
    assert (message['name'], message['sensor'], message['accel']) == ('ImuMessage', 'xsens', None)
    assert abs(message['timestamp'] - time.time()) < 3600
    return message['gyro'][0]


def now():
    return datetime.timedelta(seconds=time.time())


class Listener(object):
    """What a listening program shows.

    Args:
        handles (bool): it handles Ctrl-C.
        kinds (list): for each kind of its lines, what finds the number in it, and how much that
            grows from one such line to the next.
    """

    def __init__(self, handles, *kinds):
        self.handles, self.kinds = handles, kinds

    def check_lines(self, program):
        """Read lines until there are three of each kind: none may be lost."""
        seen, deadline = [[] for _ in self.kinds], time.time() + TIMEOUT
        while min(len(numbers) for numbers in seen) < 3:
            assert time.time() < deadline, seen
            line = program.line()
            numbers = [number(line) for number, _ in self.kinds]
            assert line == 'listening' or numbers != [None] * len(numbers), line
            for before, number in zip(seen, numbers):
                if number is not None:
                    before.append(number)
        for numbers, (_, step) in zip(seen, self.kinds):
            assert numbers == [numbers[0] + count * step for count in range(len(numbers))]

    def check_interrupt(self, program):
        code, lines, errors = program.interrupt()
        if self.handles:
            assert (code, lines[-1], errors) == (0, 'stopped', '')
        else:
            assert code in (1, -signal.SIGINT)
            assert re.findall('File "(.*?)"', errors) == [program.path], "nothing of the library"
            assert errors.startswith('Traceback') and errors.endswith('\nKeyboardInterrupt\n')


LISTENERS = {
    'raw_broadcaster.py': {
        'raw_listener.py': Listener(
            False,
            (number_of(r'text: number (\d+)'), 1),
            (number_of(r'values: (\d+\.\d)'), 0.5),
        ),
        'queued_raw_listener.py': Listener(False, (queued_text, 1)),
    },
    'message_broadcaster.py': {
        'message_listener.py': Listener(
            True,
            (number_of(r'GnssMessage: (\d+)'), 1),
            (number_of(r'front: (\d+) of xsens'), 1),
        ),
        'queued_message_listener.py': Listener(True, (queued_imu, 1)),
    },
}


@pytest.mark.parametrize('versions', VERSIONS, ids='-'.join)
@pytest.mark.parametrize('name', sorted(LISTENERS))
def test_one_end_each(start, name, versions):
    sends, listens = versions
    broadcaster = start(name, sends)
    listeners = [(start(name, listens), listener) for name, listener in LISTENERS[name].items()]
    for program, listener in listeners:
        listener.check_lines(program)
    for program, listener in listeners:
        listener.check_interrupt(program)
    code, lines, errors = broadcaster.interrupt()
    assert (code, lines.pop(), errors) == (0, 'stopped', '')
    assert lines == ['sent %d' % number for number in range(len(lines))]


@pytest.mark.parametrize('name', ['raw_broadcaster.py', 'message_broadcaster.py'])
def test_nobody_listens(start, name):
    broadcaster = start(name)
    assert [broadcaster.line() for _ in range(3)] == ['sent 0', 'sent 1', 'sent 2']
    code, lines, errors = broadcaster.interrupt()
    assert (code, lines[-1], errors) == (0, 'stopped', '')
