"""Writes results as tables in Markdown, which read as plain text, too, and as JSON."""
import os
import platform
import re
import subprocess

from peers import GO
from results import SIZE_NAMES
from speeds import COLUMNS


def _table(head, lines):
    widths = [max(len(str(line[i])) for line in [head] + lines) for i in range(len(head))]

    def line(cells):
        # Figures to the right.
        return '| ' + ' | '.join(
            str(c).ljust(w) if i == 0 else str(c).rjust(w)
            for i, (c, w) in enumerate(zip(cells, widths))) + ' |'

    rule = '| ' + ' | '.join('-' * w if i == 0 else '-' * (w - 1) + ':'
                             for i, w in enumerate(widths)) + ' |'
    return '\n'.join([line(head), rule] + [line(cells) for cells in lines])


def row_table(row):
    """Return a row's table, with its title."""
    if row.missing or row.failure:
        return "**%s**\n\n%s: %s\n" % (row.title, "not measured" if row.missing else "FAILED",
                                       row.missing or row.failure)
    columns = []
    for entry in row.entries:
        columns += [name for name in entry.details if name not in columns]
    lines = []
    for entry in row.entries:
        goal = '' if entry.goal is None else "%s %s" % (entry.goal[0], entry.write(entry.goal[1]))
        reached = {None: '', True: "reached", False: "NOT reached"}[entry.reached]
        lines.append([entry.case, entry.write(entry.value), goal, reached]
                     + [entry.details.get(c, '') for c in columns])
    return "**%s**\n\n%s\n" % (row.title, _table(['', "value", "goal", ''] + columns, lines))


def speed_tables(speeds):
    parts = []
    for size in sorted({speed.size for speed in speeds}):
        lines = [[speed.way] + speed.cells() for speed in speeds if speed.size == size]
        parts.append("**Messages of %s**\n\n%s\n" %
                     (SIZE_NAMES[size], _table([''] + list(COLUMNS), lines)))
    return '\n'.join(parts)


def machine():
    """Return what kind of machine this is: nothing that tells it from others of its kind."""
    model = ''
    with open('/proc/cpuinfo') as file:
        text = file.read()
    found = re.search(r'model name\s*:\s*(.*)', text)
    if found:
        model = found.group(1)
    kernel = re.match(r'\d+\.\d+', platform.release()).group()
    go = subprocess.run([GO, 'env', 'GOVERSION'],
                        stdout=subprocess.PIPE,
                        universal_newlines=True)
    return {
        'cpu': model,
        'virtual': re.search(r'\bhypervisor\b', text) is not None,
        'cores': os.cpu_count(),
        'kernel': 'Linux ' + kernel,
        'go': go.stdout.strip()
    }


def page(kind, rows, speeds, missing):
    """Return all results as a page in Markdown; `kind` is of machine()."""
    parts = [
        "# Results\n",
        "%d of %d goals reached. Measured by [the benchmarks](../README.md) on a %s with %d cores\n"
        "(%s; %s; %s).\n"
        % (summary(rows) + ("virtual machine" if kind['virtual'] else "machine", kind['cores'],
                            kind['cpu'], kind['kernel'], kind['go']))
    ]
    parts += ["Left out: %s\n" % line for line in missing]
    for row in rows:
        parts.append(row_table(row))
        parts.append("%s; other programs used %.1f cores meanwhile.\n"
                     % ("1 round" if row.rounds == 1 else "%d rounds" % row.rounds, row.busy))
    return '\n'.join(parts + [speed_tables(speeds)])


def summary(rows):
    """Return (goals reached, goals in all)."""
    judged = [entry.reached for row in rows for entry in row.entries if entry.reached is not None]
    return sum(judged), len(judged)
