"""Results on disk: JSON, a page, and plots.

A row that is measured again takes the place of what was there.
"""
import json
import os

import plot
import report
from results import Entry, Row
from speeds import Speed


def _row_as_json(row):
    return {
        'name': row.name,
        'title': row.title,
        'rounds': row.rounds,
        'others_used_cores': round(row.busy, 2),
        'missing': row.missing,
        'failure': row.failure,
        'entries': [{
            'case': e.case,
            'value': e.value,
            'goal': e.goal and list(e.goal),
            'reached': e.reached,
            'form': e.form,
            'details': e.details
        } for e in row.entries]
    }


def _row(data):
    entries = [Entry(e['case'], e['value'], e['goal'] and tuple(e['goal']), e['form'], e['details'])
               for e in data['entries']]
    row = Row(data['title'], entries, data['missing'], data['failure'])
    row.name, row.rounds, row.busy = data['name'], data['rounds'], data['others_used_cores']
    return row


def read(folder):
    """Return the rows and speeds that are there."""
    path = os.path.join(folder, 'results.json')
    if not os.path.exists(path):
        return [], []
    with open(path) as file:
        data = json.load(file)
    return [_row(row) for row in data['rows']], [Speed(**speed) for speed in data['speeds']]


def write(folder, names, rows, speeds, missing):
    """Write rows and speeds, and what was there of others of these names, in their order."""
    os.makedirs(folder, exist_ok=True)
    old_rows, old_speeds = read(folder)
    new = {row.name for row in rows}
    rows = [row for row in old_rows if row.name in names and row.name not in new] + rows
    rows.sort(key=lambda row: names.index(row.name))
    speeds = speeds or old_speeds
    kind = report.machine()
    data = {
        'machine': kind,
        'missing': missing,
        'rows': [_row_as_json(row) for row in rows],
        'speeds': [vars(speed) for speed in speeds]
    }
    files = {
        'results.json': json.dumps(data, indent=1) + '\n',
        'results.md': report.page(kind, rows, speeds, missing)
    }
    files.update(plot.plots(rows, speeds))
    for name, text in files.items():
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text)
