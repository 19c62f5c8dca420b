"""The examples run, and the README shows them."""

import io
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from helpers import ROOT, communicate, plain_receiver, wait_for
from mcl.codec import unpack
from mcl.network.udp import Connection

BINDING = os.path.join(ROOT, 'bindings', 'python')
SHORTEST = ['publisher.py', 'subscriber.py']
EXAMPLES = SHORTEST + ['recorder.py', 'replayer.py']


def read(*path):
    with io.open(os.path.join(BINDING, *path), encoding='utf-8') as file:
        return file.read()


def start(example, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, '-u', os.path.join(BINDING, 'examples', example)] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        **options
    )


def joined():
    """Is a socket bound to the examples' port, 26000?"""
    with open('/proc/net/udp6') as sockets:
        return any(line.split()[1].endswith(':6590') for line in sockets)


def test_publisher_and_subscriber():
    subscriber = start('subscriber.py')
    wait_for(joined, "the subscriber's socket")
    publisher = start('publisher.py')
    lines = [subscriber.stdout.readline() for _ in range(10)]
    assert communicate(publisher) == ('', '')
    assert publisher.returncode == 0
    for number, line in enumerate(lines):
        assert "'x': %d" % number in line and "'y': 0.5" in line
    subscriber.send_signal(signal.SIGINT)
    assert communicate(subscriber)[1].rstrip().endswith('KeyboardInterrupt')


def test_recorder_and_replayer(tmpdir):
    recorder = start('recorder.py', cwd=str(tmpdir))
    # Python 2 prints it as a tuple.
    directory = re.search(r"[^' ]*/[^']*_[^'\n)]*", recorder.stdout.readline()).group()
    directory = str(tmpdir.join(directory))  # it is relative, as what LogNetwork was given
    publisher = start('publisher.py')
    assert communicate(publisher) == ('', '')
    recorder.send_signal(signal.SIGINT)
    assert communicate(recorder)[1].rstrip().endswith('KeyboardInterrupt')
    assert os.listdir(directory) == ['Pose.log']
    receiver = plain_receiver(Connection('ff15::1'))
    began = time.time()
    replayer = start('replayer.py', directory)
    for number in range(10):
        topic, pose = unpack(receiver.recv(1000))
        assert (topic, pose['x']) == ('pose', number)
    assert communicate(replayer) == ('', '') and replayer.returncode == 0
    assert time.time() - began > 0.8
    receiver.close()


def test_legacy_processes_hear_the_publisher():
    receiver = plain_receiver(Connection('ff15::1'))
    publisher = start('publisher.py')
    assert receiver.recv(1000).startswith(b'\x92\xa4pose\x82')
    communicate(publisher)
    receiver.close()


@pytest.mark.parametrize('example', EXAMPLES)
def test_the_readme_shows_the_example(example):
    code = read('examples', example).split('\n', 1)
    assert code[0].startswith('# python %s' % example), "it begins with the command that runs it"
    assert '```python\n%s```' % code[1].lstrip() in read('README.md')
    assert code[1].count('\n') <= (10 if example in SHORTEST else 16)
