"""What the tests of logs share: the vectors, logs written by hand, a disk that can be full."""

import binascii
import datetime
import io
import json
import os
import subprocess
import sys

from helpers import PY2, ROOT, TIMEOUT, communicate
from mcl.codec import unpack

FOLDER = os.path.join(ROOT, 'tests', 'vectors', 'logs')
ORIGIN = datetime.datetime(2016, 5, 12, 0, 20, 7, 123456)
RULE = '#' + 65 * '-'

with io.open(os.path.join(FOLDER, 'expected.json'), encoding='utf-8') as _file:
    EXPECTED = json.load(_file)


def text(value):
    """What JSON has as text, as the `str` of this Python."""
    return value.encode('utf-8') if PY2 and value is not None else value


def entries(described):
    """The entries of expected.json as `read` gives them."""
    return [
        {
            'elapsed_time': entry['elapsed_time'],
            'topic': text(entry['topic']),
            'payload': unpack(binascii.unhexlify(entry['payload_msgpack'])),
        }
        for entry in described
    ]


def data(payload=42, topic=None, seconds=0.0):
    """What WriteFile takes, `seconds` after ORIGIN."""
    received = ORIGIN + datetime.timedelta(seconds=seconds)
    return {'topic': topic, 'payload': payload, 'time_received': received}


def header(kind='None', version='1.0', revision='', created=ORIGIN):
    """The lines of a header."""
    return [
        RULE,
        '# MCL_LOG',
        '#     -- version     %s' % version,
        '#     -- revision    %s' % revision,
        '#     -- created     %s' % created,
        '#',
        '# Some words.',
        '#',
        '#      >>> %s' % kind,
        '#',
        '#     <Time>    <Topic>     <Payload>',
        RULE,
    ]


def line(elapsed, payload='2a', topic=''):
    """An entry as the legacy system writes it."""
    return '%12s    %-8s    %s' % ('%1.5f' % elapsed, "'%s'" % topic, payload)


def write(path, lines, end='\n'):
    """Write lines to a file, and return its path."""
    with open(str(path), 'wb') as file:
        file.write(''.join(each + end for each in lines).encode('utf-8'))
    return str(path)


def lines_of(path):
    """The lines of a log that are no header, and those of its header."""
    with io.open(str(path), encoding='utf-8', newline='') as file:
        content = file.read()
    assert content.endswith('\n') and '\r' not in content
    lines = content.split('\n')[:-1]
    return (
        [each for each in lines if not each.startswith('#')],
        [each for each in lines if each.startswith('#')],
    )


def payloads(reader):
    return [entry['payload'] for entry in reader]


def names(folder):
    return sorted(os.listdir(str(folder)))


def run_on_small_disk(folder, size, code, told=''):
    """Run a program to which `folder` is a disk of `size` bytes of its own.

    What it writes to stderr must contain `told`, and be nothing when that is empty.
    """
    process = subprocess.Popen(
        [
            'unshare',
            '--mount',
            'sh',
            '-c',
            'mount -t tmpfs -o size=$1 none "$2" && shift 2 && exec "$@"',
            'sh',
            str(size),
            str(folder),
            sys.executable,
            '-c',
            code,
            str(folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    output, errors = communicate(process)
    assert process.returncode == 0, (output, errors)
    assert told in errors and bool(told) == bool(errors), errors


# For programs that wait.
WAIT = """
import time
def wait_for(condition):
    deadline = time.time() + %d
    while not condition():
        assert time.time() < deadline
        time.sleep(0.005)
""" % TIMEOUT
