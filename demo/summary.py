"""What became of the messages: joins what the publisher sent with what each listener got.

A ledger is a text file, one message a line, its fields separated by tabs: type, identity, topic ('-' for
none), nanoseconds. The publisher's time is that of sending. A listener's is when its callback ran, followed
by when the kernel received the message (0 where the listener does not know).
"""
import collections

Result = collections.namedtuple('Result', 'received lost wrong kernel callback')


def read_ledger(name):
    """Return pairs: (type, identity), and what else the line says."""
    with open(name) as ledger:
        # The last line of a program that was killed may be cut short.
        lines = [line.rstrip('\n').split('\t') for line in ledger if line.endswith('\n')]
    return [((line[0], line[1]), line[2:]) for line in lines]


def read_sent(name):
    sent = read_ledger(name)
    by_key = dict(sent)
    if len(by_key) != len(sent):
        raise ValueError("%s: two messages have the same identity" % name)
    return by_key


def join(sent, received):
    """Return the Result of one listener. Wrong is what came twice, with another topic, or was never sent."""
    seen, wrong, kernel, callback = set(), 0, [], []
    for key, (topic, called, arrived) in received:
        if key in seen or key not in sent or sent[key][0] != topic:
            wrong += 1
            continue
        seen.add(key)
        began = int(sent[key][1])
        callback.append(int(called) - began)
        if int(arrived):
            kernel.append(int(arrived) - began)
    return Result(len(seen), len(sent) - len(seen), wrong, sorted(kernel), sorted(callback))


def duration(nanoseconds):
    """Return a time as text for people: three digits or so, and the unit that fits."""
    for unit, size in (('us', 1e3), ('ms', 1e6)):  # noqa: B007
        if abs(nanoseconds) < 1e3 * size:
            break
    else:
        unit, size = 's ', 1e9
    value = nanoseconds / size
    return '%.*f %s' % (1 if unit != 'us' and abs(value) < 100 else 0, value, unit)


def latencies(ordered):
    """Return the median, the 99th percentile and the maximum, as text."""
    if not ordered:
        return ['-   '] * 3
    return [duration(ordered[min(len(ordered) - 1, int(len(ordered) * part))]) for part in (0.5, 0.99, 1)]


def table(sent, results):
    """Return the table of some listeners: {name: Result}."""
    head = ['', 'sent', 'received', 'lost', 'wrong', 'median', '99 %', 'max', 'median', '99 %', 'max']
    rows = [[name, str(len(sent)), str(result.received), str(result.lost), str(result.wrong)]
            + latencies(result.kernel) + latencies(result.callback) for name, result in results]
    widths = [max(len(row[column]) for row in [head] + rows) for column in range(len(head))]
    first = sum(widths[:5]) + 2 * 5
    kernel = sum(widths[5:8]) + 2 * 2
    lines = [' ' * first + 'until the kernel had it'.ljust(kernel) + '  until the callback had it']
    for row in [head] + rows:
        lines.append('  '.join([row[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip())
    if any(result.received and not result.kernel for _, result in results):
        lines.append("-: this listener's callbacks are not told when the kernel had it")
    return '\n'.join(lines)
