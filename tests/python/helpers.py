"""What the tests share: collecting callbacks, plain sockets, and other Python processes."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

try:
    import queue
except ImportError:
    import Queue as queue

PY2 = sys.version_info[0] == 2
TIMEOUT = 20  # seconds until something that must happen is taken for not happening
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Collector(object):
    """A callback that keeps what it is called with."""

    def __init__(self):
        self._queue = queue.Queue()

    def __call__(self, data):
        self._queue.put(data)

    def get(self, timeout=TIMEOUT):
        return self._queue.get(timeout=timeout)

    def take(self, count):
        return [self.get() for _ in range(count)]

    def empty(self):
        return self._queue.empty()


def wait_for(condition, what="the condition"):
    """Wait until `condition()` is true."""
    deadline = time.time() + TIMEOUT
    while not condition():
        assert time.time() < deadline, "%s did not come true" % what
        time.sleep(0.005)


def publish_all(broadcaster, listener, values):
    """Publish values as fast as the listener's socket takes them.

    On a busy machine the library's reader may get no processor for a while, and the kernel drops
    what its buffer cannot hold; that is not what these tests are about.
    """
    before = listener.stats()['datagrams']
    for count, value in enumerate(values):
        if count % 500 == 0:
            wait_for(lambda: listener.stats()['datagrams'] - before >= count - 500, "reading")
        broadcaster.publish(value)


def plain_sender():
    """A socket that sends to multicast groups as a legacy process does."""
    sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 3)
    return sender


def plain_receiver(connection):
    """A socket that receives from a connection as a legacy process does."""
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    receiver.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    group = socket.inet_pton(socket.AF_INET6, connection.url)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + b'\0' * 4)
    receiver.bind((connection.url, connection.port))
    receiver.settimeout(TIMEOUT)
    return receiver


def send(sender, connection, datagram):
    sender.sendto(datagram, (connection.url, connection.port))


def send_whole(sender, connection, datagrams, listener):
    """Send the datagrams of one message as a legacy process does, and return what is received.

    It is sent again when something has held up this process amid it: then libmcl takes what comes
    late for another message's, and trusts this sender less for a while. So another one sends it.
    """
    for attempt in range(20):
        with contextlib.closing(plain_sender()) as another:
            for datagram in datagrams:
                send(another if attempt else sender, connection, datagram)
            data = listener.receive(TIMEOUT if len(datagrams) == 1 else 1)
        if data is not None:
            return data
    raise AssertionError("a message in %d datagrams did not come" % len(datagrams))


class Background(object):
    """Runs a function on a thread and keeps its result."""

    def __init__(self, function):
        self._function = function
        self._result = queue.Queue()
        self.thread = threading.Thread(target=self._run)
        self.thread.daemon = True
        self.thread.start()

    def _run(self):
        try:
            self._result.put((self._function(), None))
        except BaseException as error:
            self._result.put((None, error))

    def result(self, timeout=TIMEOUT):
        value, error = self._result.get(timeout=timeout)
        if error is not None:
            raise error
        return value


# Ends a program that is to be ended by Ctrl-C. Background jobs of a shell, so perhaps these tests,
# ignore SIGINT. And a signal that comes just before a sleep begins, Python acts on when that ends.
UNTIL_CTRL_C = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
say('go')
while True: time.sleep(0.05)
"""


def start_python(code, *arguments, **options):
    """Start this interpreter on a program, its output being read by pipes."""
    environment = dict(os.environ, **options.pop('env', {}))
    return subprocess.Popen(
        [sys.executable, '-c', code] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=environment,
        **options
    )


def run_python(code, *arguments, **options):
    """Run a program to its end, which must be well and without stderr. Returns what it printed."""
    process = start_python(code, *arguments, **options)
    output, errors = communicate(process)
    assert process.returncode == 0, (process.returncode, output, errors)
    assert errors == ''
    return output


def communicate(process):
    """Wait for a process to end and return its output and errors; kill it when it does not end."""
    timer = threading.Timer(3 * TIMEOUT, process.kill)
    timer.start()
    try:
        return process.communicate()
    finally:
        timer.cancel()
