"""The soak's peer in Python, 2.7 and 3: see run for what it reads and writes.

    peer.py publish NUMBER | listen | churn SEED
"""
from __future__ import print_function

import datetime
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

from mcl import Message, QueuedListener, RawBroadcaster, RawListener, ReadFile, WriteFile
from mcl.network.udp import Connection

EXACT = Connection('ff15::50:a', interface='lo')
LOOSE = Connection('ff15::50:b', interface='lo')
NOW = datetime.datetime(2016, 5, 12)
PAUSED = threading.Lock()  # held while this is paused, and for each piece of work
SAYING = threading.Lock()


def say(value):
    with SAYING:
        sys.stdout.write(json.dumps(value) + '\n')
        sys.stdout.flush()


def defect(text):
    say({'defect': text})


def pad(from_, n):
    return chr(ord('a') + (n + from_) % 26) * (150000 if n % 100 == 0 else n % 97)


def work(step, pause):
    def run():
        while True:
            with PAUSED:
                step()
            time.sleep(pause)

    thread = threading.Thread(target=run)
    thread.daemon = True
    thread.start()


def publish(number):
    broadcaster, count = RawBroadcaster(EXACT, topic='soak'), [0]

    def step():
        n = count[0]
        count[0] += 1
        try:
            broadcaster.publish({'from': number, 'n': n, 'pad': pad(number, n)})
        except IOError:
            pass  # counted

    work(step, 0.01)
    return broadcaster.stats


def listen():
    seen, last = {}, {}

    def callback(data):
        if data['topic'] != 'soak':
            return  # a hostile one that happens to be whole
        payload = data['payload']
        from_, n = payload['from'], payload['n']
        if n <= last.get(from_, -1) or payload['pad'] != pad(from_, n):
            defect("message %r of %r arrived after %r, or damaged" % (n, from_, last.get(from_)))
        last[from_] = n
        seen[from_] = seen.get(from_, 0) + 1

    listener = QueuedListener(EXACT)
    listener.subscribe(callback)

    def stats():
        all_ = settled(listener.stats())
        names = ('datagrams', 'dropped_kernel', 'dropped_queue', 'queued', 'evicted', 'assembling_bytes')
        return dict([(name, all_[name]) for name in names], seen=seen)

    return stats


def settled(stats):
    messages = sum(stats[part] for part in
                   ('delivered', 'rejected', 'dropped_queue', 'discarded', 'queued'))
    datagrams = sum(stats['malformed'].values()) + sum(
        stats[part] for part in ('filtered', 'repeated', 'evicted', 'assembling', 'joined'))
    if stats['messages'] != messages or stats['datagrams'] != datagrams:
        defect("unaccounted: %r" % stats)
    return stats


def churn(seed):
    draw, cycles = random.Random(seed), [0]

    class Churned(Message):
        mandatory = ('x',)
        connection = Connection('ff15::50:d', interface='lo')

    def step():
        kind = draw.choice([RawListener, QueuedListener])
        listener = kind(LOOSE, max_messages=draw.randint(1, 100),
                        policy=draw.choice(['drop_oldest', 'drop_newest', 'block']))
        broadcaster = RawBroadcaster(LOOSE, topic='churn')
        if draw.random() < 0.5:
            listener.subscribe(lambda data: time.sleep(0.001))
        for _ in range(draw.randint(0, 50)):
            try:
                broadcaster.publish('x' * draw.randint(0, 200))
            except IOError:
                pass
        if not listener.num_subscriptions():
            listener.receive(0.005)
        broadcaster.close()
        listener.close()
        settled(listener.stats())
        if cycles[0] % 20 == 0:
            log(draw, Churned)
        cycles[0] += 1

    work(step, 0.02)
    return lambda: {'cycles': cycles[0]}


def log(draw, message):
    """Write a log and read it back."""
    folder = tempfile.mkdtemp(prefix='mcl-soak-')
    try:
        values = [draw.random() for _ in range(100)]
        with WriteFile(os.path.join(folder, 'log'), message) as file_:
            for value in values:
                file_.write({'topic': 'churn', 'payload': message(x=value), 'time_received': NOW})
        reader = ReadFile(os.path.join(folder, 'log.log'), message=message)
        back = []
        while reader.is_data_pending():
            back.append(reader.read()['payload']['x'])
        if back != values:
            defect("%d values were logged, %d came back" % (len(values), len(back)))
    finally:
        shutil.rmtree(folder)


def main():
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.signal(signal.SIGPROF, lambda *_: None)
    role, arguments = sys.argv[1], [int(word) for word in sys.argv[2:]]
    stats = {'publish': publish, 'listen': listen, 'churn': churn}[role](*arguments)
    say({'ready': True})
    for line in iter(read_line, ''):
        word = line.strip()
        if word == 'pause':
            PAUSED.acquire()
            say(stats())
        elif word == 'go':
            PAUSED.release()
        else:
            say(stats())


def read_line():
    """Read a line; on Python 2 a signal breaks that off."""
    while True:
        try:
            return sys.stdin.readline()
        except IOError as error:
            if error.errno != 4:
                raise


if __name__ == '__main__':
    main()
