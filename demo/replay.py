"""Replays a recorded drive from a publisher in C to listeners in Go, C and Python, and counts.

    replay.py BUILD LOGS        (demo/run calls it, inside a private network namespace where there are some)

Each listener is a process of its own and listens to all three message types. One of them has a callback
that cannot keep up, and a queue that makes it lose nothing. It fails when a listener missed a message.

Listeners say `ready` before the publisher begins, and are told how many messages were sent when it has
ended; so nothing here is a matter of waiting long enough.
"""
import os
import queue
import subprocess
import sys
import threading
import time

from summary import join, read_ledger, read_sent, table

START_LIMIT = 60  # seconds until all listeners are ready
END_LIMIT = 120  # seconds, after the publisher's end, for the slow one to finish
SLOW = 0.012  # seconds for each Imu message, of which one comes every 0.010

HERE = os.path.dirname(os.path.abspath(__file__))


def show(began, name, line):
    """Show a line: in one piece, since several threads do so."""
    sys.stdout.write("%5.1f  %-12s  %s\n" % (time.time() - began, name, line))
    sys.stdout.flush()


class Process(object):
    """A program of the demo, whose lines are shown with its name before them."""

    def __init__(self, name, command, began):
        self.name = name
        self.ready = queue.Queue()  # True when it says so, False when it ends without
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        universal_newlines=True)
        self.reader = threading.Thread(target=self.read, args=(began,))
        self.reader.daemon = True
        self.reader.start()

    def read(self, began):
        for line in self.process.stdout:
            if line == 'ready\n':
                self.ready.put(True)
            else:
                show(began, self.name, line.rstrip('\n'))
        self.ready.put(False)

    def say(self, text):
        try:
            self.process.stdin.write(text + '\n')
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended, which wait() reports

    def wait(self, deadline):
        """Return True when it ends well before the deadline."""
        try:
            code = self.process.wait(max(0, deadline - time.time()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "no end, killed"
        self.reader.join(5)
        if code:
            print("demo: %s failed (%s)" % (self.name, code), file=sys.stderr)
        return not code


def listeners(build, speed):
    """Return pairs: the name of a listener and its command, to which the name of its ledger is added."""
    python = [sys.executable, os.path.join(HERE, 'python', 'listener.py')]
    slow = python + ['--slow', str(SLOW / speed)]
    if os.environ.get('QUEUE'):
        slow += ['--queue', os.environ['QUEUE']]
    return [('Go', [os.path.join(build, 'listener-go')]),
            ('C', [os.path.join(build, 'listener-c')]),
            ('Python', python),
            ('Python, slow', slow)]


def replay(build, logs, speed, running):
    """Run all processes; those that were started are in `running`. Returns if all of them ended well."""
    began = time.time()

    def ledger(name):
        path = os.path.join(build, name.replace(', ', '-').lower() + '.ledger')
        if os.path.exists(path):
            os.remove(path)
        return path

    ledgers = []
    for name, command in listeners(build, speed):
        ledgers.append((name, ledger(name)))
        running.append(Process(name, command + [ledgers[-1][1]], began))
    for process in running:
        try:
            ready = process.ready.get(timeout=max(0, began + START_LIMIT - time.time()))
        except queue.Empty:
            ready = False
        if not ready:
            sys.exit("demo: the listener %s did not get ready" % process.name)
    show(began, 'demo', "all listeners are ready")

    sent_ledger = ledger('publisher')
    publisher = Process('C publisher', [os.path.join(build, 'publisher-c'), logs, sent_ledger, str(speed)], began)
    running.append(publisher)
    if not publisher.wait(time.time() + END_LIMIT + 60 / speed):
        sys.exit(1)
    sent = read_sent(sent_ledger)
    show(began, 'demo', "all %d messages are sent" % len(sent))
    deadline = time.time() + END_LIMIT
    for process in running[:-1]:
        process.say(str(len(sent)))
    well = all([process.wait(deadline) for process in running[:-1]])
    results = [(name, join(sent, read_ledger(path) if os.path.exists(path) else [])) for name, path in ledgers]
    print()
    print(table(sent, results))
    print()
    missed = sum(result.lost + result.wrong for _, result in results)
    if missed or not sent:
        print("demo: FAILED, %d messages were lost or wrong" % missed)
    elif well:
        print("demo: every listener received all %d messages" % len(sent))
    return well and not missed and bool(sent)


def main():
    build, logs = sys.argv[1:]
    try:
        speed = float(os.environ.get('SPEED') or 1)
        if not speed > 0:
            raise ValueError
    except ValueError:
        sys.exit("demo: SPEED must be a number above 0, not %r" % os.environ['SPEED'])
    running = []
    try:
        return 0 if replay(build, logs, speed, running) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        for process in running:
            if process.process.poll() is None:
                process.process.kill()


if __name__ == '__main__':
    sys.exit(main())
