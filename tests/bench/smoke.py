"""Whether a run of the benchmarks did all that it should: `run --smoke` asks."""
import json
import math
import os
import xml.dom.minidom


def check(folder, names, failures):
    """Look at what was written. Prints what is wrong, and a summary; returns whether all is well.

    Args:
        folder (str): of the results.
        names (list of str): the ways that must have been measured.
        failures (list of str)
    """
    with open(os.path.join(folder, 'results.json')) as file:
        results = json.load(file)
    wrong, checks = list(failures), 0
    for row in results['rows']:
        checks += 1
        if not row['missing'] and not row['failure'] and not row['entries']:
            wrong.append("%s: no figure" % row['title'])
        for entry in row['entries']:
            checks += 1
            if not math.isfinite(entry['value']) or entry['value'] < 0:
                wrong.append("%s, %s: %s" % (row['title'], entry['case'], entry['value']))
    for name in names:
        checks += 1
        speeds = [s for s in results['speeds'] if s['way'] == name and not s['failure']]
        # Of the largest size all may be lost.
        if not speeds or not speeds[0]['sent'] > 0 or not speeds[0]['lost'] < 1:
            wrong.append("%s: %s" % (name, speeds or "not measured"))
    pictures = [name for name in os.listdir(folder) if name.endswith('.svg')]
    checks += 1
    if not {'speeds.svg', 'day.svg'} <= set(pictures):
        wrong.append("these pictures alone were drawn: %s" % ' '.join(pictures))
    for name in pictures:
        xml.dom.minidom.parse(os.path.join(folder, name))
    for line in wrong:
        print("FAIL " + line)
    print("benchmarks: %d passed, %d failed" % (checks - len(wrong), len(wrong)))
    return not wrong
