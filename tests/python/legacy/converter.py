"""Convert the logs of folders to CSV and NumPy: python converter.py csv|numpy FOLDER..."""
from __future__ import print_function

import glob
import os
import sys

from mcl import ReadFile
from mcl.logging.tools import dump_to_array, dump_to_csv, dump_to_list
from mcl.messages.messages import list_messages
import robot_messages  # noqa: F401  (so that the types are known)

kind, folders = sys.argv[1], sys.argv[2:]

for folder in folders:
    print('%i messages' % len(dump_to_list(folder, message=True)))
    logs = sorted(glob.glob(os.path.join(folder, '*.log')))
    for log in logs:
        header = ReadFile(log).header
        assert header['type'] in list_messages()
        keys = set(header['type'].mandatory) | set(['elapsed_time'])
        name = os.path.splitext(log)[0]
        if kind == 'csv':
            keys = sorted(keys)
            dump_to_csv(log, name + '.csv', keys)
            print(os.path.basename(name), keys)
        else:
            keys -= set(['gyro'])  # a list
            array = dump_to_array(log, sorted(keys))
            print(os.path.basename(name), array.shape, float(array[-1, 0]))
    if kind == 'csv':
        dump_to_csv(folder, os.path.join(folder, 'all.csv'), 'elapsed_time', min_time=3600)
    else:
        print(dump_to_array(folder, 'elapsed_time', min_time=3600))
    try:
        dump_to_csv(folder, os.path.join(folder, 'all.csv'), 'elapsed_time')
    except TypeError:
        print('several types in %s' % os.path.basename(folder))
