"""Results: repeated runs, their medians and ratios, and the rows of goals."""
import statistics

SIZES = (64, 1000, 8000, 59000, 1000000)
SIZE_NAMES = {64: '64 B', 1000: '1 kB', 8000: '8 kB', 59000: '59 kB', 1000000: '1 MB'}


class Effort(object):
    """How thoroughly to measure.

    Attributes:
        name (str)
        rounds (int): how often each is repeated.
        seconds (float): how long a sender sends.
        trips (int): round trips in one run.
        sizes (tuple): bytes, of the table of speeds.
        datagram_sizes (tuple): bytes, of the goals of single datagrams.
        python_sizes (tuple): bytes, of publishing from Python.
        burst_sizes (tuple): bytes, of bursts to Python.
        steady_sizes (tuple): bytes, of steady rates.
        steady_rates (tuple): messages a second; 0: as fast as it goes.
        large_rates (tuple): the same, of 1 MB.
        system_sizes, system_rates (tuple): of the systems for Python.
        day_seconds (float): of a robot's day.
        spin_rates (tuple): messages a second to look for the one that is too much for the bare
            loop; 0: as fast as it goes.
        listeners (int): to open at once.
    """
    def __init__(self, name, **values):
        self.name = name
        vars(self).update(values)


EFFORTS = {
    'full': Effort('full', rounds=9, seconds=0.4, trips=5000, sizes=SIZES, datagram_sizes=SIZES[:4],
                   python_sizes=(64, 1000, 59000), burst_sizes=(64, 8000),
                   steady_sizes=SIZES, steady_rates=(1000, 10000, 50000, 0),
                   large_rates=(100, 1000, 0), system_sizes=(1000, 59000), system_rates=(1000, 0),
                   day_seconds=3, spin_rates=(10000, 20000, 40000, 80000, 160000, 0),
                   listeners=1000),
    'quick': Effort('quick', rounds=3, seconds=0.12, trips=2000, sizes=(64, 8000, 1000000),
                    datagram_sizes=(64, 8000), python_sizes=(64,), burst_sizes=(64,),
                    steady_sizes=(64, 8000), steady_rates=(1000, 0), large_rates=(0,),
                    system_sizes=(1000,), system_rates=(1000,), day_seconds=0.5,
                    spin_rates=(40000, 0), listeners=1000),
    'smoke': Effort('smoke', rounds=1, seconds=0.02, trips=50, sizes=(64, 1000000),
                    datagram_sizes=(64, 8000), python_sizes=(64,), burst_sizes=(64,),
                    steady_sizes=(64, 59000, 1000000), steady_rates=(1000,), large_rates=(100,),
                    system_sizes=(1000,), system_rates=(1000,), day_seconds=0.2,
                    spin_rates=(10000,), listeners=50),
}


def interleaved(rounds, *runs):
    """Call each run once a round, in turn, the order reversed every other round.

    So what disturbs the machine for a while disturbs all alike. Returns a list for each run: what
    it gave, by round.
    """
    results = [[] for _ in runs]
    for number in range(rounds):
        order = range(len(runs))
        for index in order if number % 2 == 0 else reversed(order):
            results[index].append(runs[index]())
    return results


def median(results, attribute):
    return statistics.median(getattr(result, attribute) for result in results)


def ratio(results, base, attribute):
    """The median of the ratios within each round."""
    return statistics.median(
        getattr(a, attribute) / max(getattr(b, attribute), 1e-9) for a, b in zip(results, base))


def loss(results):
    """The share that was lost, of all rounds together."""
    due = sum(result.due for result in results)
    return 1 - sum(result.received for result in results) / due if due else 0.0


class Entry(object):
    """One figure of a row.

    Args:
        case (str): what distinguishes it from the others of its row.
        value (float): what was measured.
        goal (tuple): ('>=' or '<=', number), or None when it is only told.
        form (str): how to write value and goal: 'ratio', 'loss', or a format such as '%.0f us'.
        details (dict): further figures, written out, by their column.
    """
    def __init__(self, case, value, goal=None, form='ratio', details=None):
        self.case, self.value, self.goal, self.form = case, value, goal, form
        self.details = details or {}

    @property
    def reached(self):
        if self.goal is None:
            return None
        return self.value >= self.goal[1] if self.goal[0] == '>=' else self.value <= self.goal[1]

    def write(self, number):
        if self.form == 'ratio':
            return '%.3g' % number
        return percent(number) if self.form == 'loss' else self.form % number


def percent(share):
    """Write a loss. What is not zero never reads as zero."""
    if share <= 0:
        return '0'
    return '%.2g %%' % (100 * share) if share < 0.1 else '%.0f %%' % (100 * share)


def thousands(number):
    return '{:,.0f}'.format(number)


def micros(number):
    return '%.2f' % number if number < 10 else '%.1f' % number


class Row(object):
    """A row of goals: its title, and entries.

    `missing` says why it was not measured, `failure` why that failed; `rounds` is 0 when they are
    those of the effort. Who measures it sets `name`, `rounds`, and `busy`: how many cores other
    programs used meanwhile.
    """

    name, busy = '', 0.0

    def __init__(self, title, entries=(), missing=None, failure=None, rounds=0):
        self.rounds = rounds
        self.title, self.entries, self.missing, self.failure = title, list(
            entries), missing, failure


def senders(ours, bare):
    """Return the details of a row that compares two senders."""
    return {
        "libmcl/s": thousands(median(ours, 'rate')),
        "bare/s": thousands(median(bare, 'rate')),
        "CPU us": micros(median(ours, 'send_cpu')),
        "bare CPU us": micros(median(bare, 'send_cpu')),
        "CPU ratio": '%.3g' % ratio(ours, bare, 'send_cpu'),
        "lost": percent(loss(ours)),
        "bare lost": percent(loss(bare)),
    }


def receivers(ours, bare):
    """Return the details of a row that compares two receivers."""
    return {
        "libmcl/s": thousands(median(ours, 'delivered')),
        "bare/s": thousands(median(bare, 'delivered')),
        "lost": percent(loss(ours)),
        "bare lost": percent(loss(bare)),
        "CPU us": micros(median(ours, 'receive_cpu')),
        "bare CPU us": micros(median(bare, 'receive_cpu')),
        "CPU ratio": '%.3g' % ratio(ours, bare, 'receive_cpu'),
    }
