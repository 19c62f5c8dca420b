"""Drives the peers: one publisher after the other, each to all listeners at once, and prints what came of it.

After each case the publisher sends a fence, a small message with a number. Datagrams of one sender arrive in
order, so what has not arrived before the fence is lost, what should not arrive did not, and nothing here is a
matter of waiting long enough. Only when the fence itself does not come is there a limit of time.
"""
import collections
import os
import time

import cases
from cases import Case, number, table, text
from expect import Expectation, is_delivered
from forms import build
from peers import BUILD
from process import Process

START_LIMIT = 60  # seconds until a peer is ready
SEND_LIMIT = 60  # seconds for publishing one message
FENCE_LIMIT = 15  # seconds for a fence; on a machine that is busy with other things it may well take some
ATTEMPTS = 10  # for what is large: a full socket buffer drops a fragment, with which all of it is lost
DEAF = 3  # fences that did not come, after which a listener is not waited for any more
TIME_LIMIT = 400  # seconds for everything
SHOWN_FAULTS = 40
FENCE = 'fence-'
FENCE_SHOWN = FENCE.encode().hex()


class Tests(object):
    def __init__(self, peers, missing):
        self.peers, self.missing = peers, missing
        self.passed = collections.Counter()  # by names of publisher and listener
        self.failed = collections.Counter()
        self.faults = []
        self.again = 0
        self.fences = 0
        self.exact = collections.Counter()  # datagrams as the legacy encoder's: by publisher
        self.reference = {}  # checksums of the datagrams that it sends, by case
        self.errors = open(os.path.join(BUILD, 'stderr.log'), 'w')
        self.port = 27000
        self.deaf = collections.Counter()  # by name of a listener: fences that did not come
        self.began = time.monotonic()

    def connection(self):
        """Return arguments that give a connection no other row uses."""
        self.port += 1
        return ['ff15::4d43:1', 'ff15::4d43:2', str(self.port)]

    def fault(self, publisher, listener, case, what):
        self.failed[publisher.name, listener.name] += 1
        self.faults.append("%s -> %s, %s: %s" % (publisher.name, listener.name, case.name, what))

    # ---- one case ----

    def publish(self, sender, case, request):
        """Publish, and return what is said besides 'sent'; None when it fails."""
        sender.say(request)
        answer = sender.hear(SEND_LIMIT)
        sender.is_silent = answer is None
        if answer is None or not answer.startswith('sent'):
            self.fault(sender.peer, sender.peer, case, "cannot publish: %s" % (answer or "no answer",))
            return None
        return answer[len('sent '):]

    def fence(self, sender, case):
        """Send a fence after the case; returns what it is known by, None when it could not be sent."""
        self.fences += 1
        mark = FENCE + '%d.' % self.fences
        if case.typed:
            value = table(name=text('Pose'), timestamp=number(1), x=number(1), y=text(mark))
            request = Case('fence', 'message', build(value).hex(), build(value)).request
        else:
            request = cases.string(mark.encode()).request
        return None if self.publish(sender, case, request) is None else mark.encode().hex()

    def before_fence(self, listener, mark):
        """Return what a listener shows before the fence, and whether the fence came."""
        lines, name = [], listener.peer.name
        deadline = time.monotonic() + (FENCE_LIMIT if self.deaf[name] < DEAF else 0)
        while True:
            line = listener.hear(deadline - time.monotonic())
            if line is None:
                self.deaf[name] += 1
                return lines, False
            if mark in line:
                self.deaf[name] = 0
                return lines, True
            if FENCE_SHOWN not in line:  # one that comes late, after it was given up
                lines.append(line)

    def case(self, sender, listeners, case, expectation):
        """Publish one case and judge what the listeners show."""
        waiting = list(listeners)
        attempts = ATTEMPTS if len(case.packed) > cases.REPEATED else 1
        for attempt in range(1, attempts + 1):
            sent = self.publish(sender, case, case.request)
            mark = None if sent is None else self.fence(sender, case)
            if mark is None:
                return
            came = {listener: self.before_fence(listener, mark) for listener in listeners}
            if sender.peer.name == 'legacy 0.4.8':
                self.reference[case.name] = sent
            missing = [listener for listener in waiting if not all(came[listener])
                       and is_delivered(case, listener.peer) and attempt < attempts]
            for listener in waiting:
                if listener not in missing:
                    self.judge(sender.peer, listener, case, expectation, *came[listener])
            waiting = missing
            if not waiting:
                return
            self.again += 1

    def judge(self, publisher, listener, case, expectation, lines, fenced):
        peer = listener.peer
        wanted = int(is_delivered(case, peer))
        if listener.has_ended:
            self.fault(publisher, peer, case, "the listener has ended with %s" % listener.process.returncode)
        elif not fenced:
            self.fault(publisher, peer, case, "lost, and the fence after it")
        elif len(lines) != wanted:
            self.fault(publisher, peer, case, "came %d times, not %d: %s" % (
                len(lines), wanted, ' | '.join(line[:100] for line in lines)))
        elif lines and expectation.fault(lines[0], peer):
            self.fault(publisher, peer, case, expectation.fault(lines[0], peer))
        else:
            self.passed[publisher.name, peer.name] += 1
            if lines and peer.name == 'legacy 0.4.8':
                self.compare_datagrams(publisher, peer, case, lines[0].split(' ')[5])

    def compare_datagrams(self, publisher, peer, case, datagrams):
        """Compare what was on the wire with what the legacy encoder sends for the same value."""
        if publisher.sends == 'bin' or publisher.sends == 'both' and case.form == 'bin':
            return  # the encoder that is compared with writes no bin
        if case.name not in self.reference:
            return
        unordered = ('python2', 'python3') if case.typed else ('python2',)
        if publisher.family in unordered and case.packed[0] in range(0x80, 0x90):
            return  # a dict of Python 2 has no order; a message of Python 3 has its timestamp first
        if datagrams == self.reference[case.name]:
            self.exact[publisher.name] += 1
        else:
            self.fault(publisher, peer, case, "not the datagrams of the legacy encoder: %s, not %s" % (
                datagrams[:100], self.reference[case.name][:100]))

    # ---- rows ----

    def start(self, peers, role, connection):
        processes = [Process(peer, role, connection, self.errors) for peer in peers]
        for process in processes if role == 'listen' else []:
            if process.hear(START_LIMIT) != 'ready':
                raise RuntimeError("the listener %s does not get ready" % process.peer.name)
        return processes

    def end(self, processes):
        for process in processes:
            code = process.end()
            if code:
                self.failed[process.peer.name, process.peer.name] += 1
                self.faults.append("%s: ended with %s" % (process.peer.name, code))

    def rows(self, publishers, listening, todo):
        """Run the cases from each of the publishers to all of the listeners."""
        connection = self.connection()
        listeners = self.start(listening, 'listen', connection)
        for publisher in publishers:
            senders = self.start([publisher], 'publish', connection)
            for case in todo:
                if senders[0].is_silent or time.monotonic() > self.began + TIME_LIMIT:
                    self.fault(publisher, publisher, case, "not tested, nor what follows: no answer, or no time left")
                    break
                self.case(senders[0], listeners, case, Expectation(case, publisher))
            self.end(senders)
        self.end(listeners)

    def run(self):
        # First the encoder that the others are compared with.
        ordered = sorted(self.peers, key=lambda peer: peer.name != 'legacy 0.4.8')
        todo = cases.small() + cases.typed() + cases.boundary() + cases.large()
        assert len({case.name for case in todo}) == len(todo)  # names tell them apart
        self.rows(ordered, self.peers, todo)
        by_name = {peer.name: peer for peer in self.peers}
        pythons = [peer.name for peer in self.peers if peer.family in ('python2', 'python3')]
        pairs = [('c', 'go'), ('go', 'c')]
        if pythons:
            pairs += [(pythons[-1], pythons[0]), (pythons[0], pythons[-1])]
        for publisher, listener in pairs:
            self.rows([by_name[publisher]], [by_name[listener]], [cases.largest()])
        return self.report(len(todo), time.monotonic() - self.began)

    # ---- what came of it ----

    def cell(self, publisher, listener):
        passed, failed = self.passed[publisher, listener], self.failed[publisher, listener]
        return '%d' % passed if not failed else '%d FAILED' % failed

    def report(self, count, took):
        names = [peer.name for peer in self.peers]
        short = [name.replace('legacy ', 'old ') for name in names]
        rows = [['from \\ to'] + short]
        rows += [[shown] + [self.cell(name, other) for other in names] for name, shown in zip(names, short)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            print('  '.join(cell.rjust(width) for cell, width in zip(row, widths)))
        for fault in self.faults[:SHOWN_FAULTS]:
            print("FAILED  " + fault)
        if len(self.faults) > SHOWN_FAULTS:
            print("... and %d more" % (len(self.faults) - SHOWN_FAULTS))
        for line in self.missing:
            print("NOT TESTED  " + line)
        print("datagrams as the legacy encoder sends them: %s" % (", ".join(
            "%s %d" % (name, self.exact[name]) for name in names if name in self.exact) or "not tested"))
        passed, failed = sum(self.passed.values()), sum(self.failed.values())
        print("interop: %d peers, %d cases, %d passed, %d failed, %d sent again after a loss, in %.0f s" % (
            len(self.peers), count, passed, failed, self.again, took))
        return 0 if passed and not failed else 1
