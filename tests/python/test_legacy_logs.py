"""Programs that log, replay and convert, as labs have them, run unchanged; in the folder `legacy`.

Each shows what it showed on the legacy system, save where a comment says why not.
"""

import csv
import os
import re
import shutil
import subprocess
import sys

import pytest

from helpers import PY2, communicate
from logs import names
from mcl import ReadFile
from test_legacy_programs import FOLDER


def run(name, *arguments):
    """Run a program to its end. Returns the lines that it writes, and its stderr."""
    process = subprocess.Popen(
        [sys.executable, os.path.join(FOLDER, name)] + [str(each) for each in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    output, errors = communicate(process)
    assert process.returncode == 0, (output, errors)
    return output.splitlines(), errors


@pytest.fixture(scope='module')
def recorded(tmpdir_factory):
    """A folder of logs, to be left as it is."""
    (directory,), errors = run('recorder.py', tmpdir_factory.mktemp('recordings'))
    assert errors == ''
    return directory


def test_a_logger_is_started_three_times_under_one_name(tmpdir):
    for number in range(3):
        lines, errors = run('logger.py', tmpdir, number)
        assert lines == ['True None 2 None', 'GnssMessage True'] + [
            ' %d %d' % (utc, number) for utc in range(5)] + ['last 5 %d' % number, 'reboot']
        # The legacy system writes over the older logs, of which it says nothing.
        told = errors.splitlines()
        assert len(told) == (2 if number else 0)
        for log in (('imu.log', 'gnss_000.log') if number else ()):
            assert any('%s.%d' % (log, number) in each for each in told)
    assert names(tmpdir) == sorted(
        name + end
        for name in ('imu.log', 'gnss_000.log', 'gnss_001.log', 'gnss_002.log')
        for end in ('', '.1', '.2'))
    for end, number in (('', 2), ('.1', 0), ('.2', 1)):
        entries = list(ReadFile(str(tmpdir.join('imu.log' + end))))
        assert entries.pop()['payload'] == 'reboot'
        assert [(entry['payload']['gyro'], entry['payload']['accel']) for entry in entries] == [
            (number, accel) for accel in range(5)]


def test_the_folder_of_a_recording(recorded):
    assert re.match(r'\d{8}T\d{6}_', os.path.basename(recorded))
    assert names(recorded) == ['GnssMessage.log', 'ImuMessage.log']


def test_a_replay_waits_for_its_end(recorded):
    lines, errors = run('replayer.py', recorded)
    assert errors == ''
    everything = '%r %r' % ([number * 0.25 for number in range(10)], [0, 5])
    assert lines == [
        "['GnssMessage', 'ImuMessage']",
        'True False False',
        'False False', everything,
        'False False', everything,
    ]


def table(path):
    with (open(path, 'rb') if PY2 else open(path, newline='')) as file:
        return list(csv.reader(file))


def test_a_folder_of_logs_becomes_csv(recorded, tmpdir):
    folder = str(tmpdir.join('drive'))
    shutil.copytree(recorded, folder)
    lines, errors = run('converter.py', 'csv', folder, tmpdir.mkdir('nothing_arrived'))
    assert errors == ''
    assert lines == [
        '12 messages',
        "GnssMessage ['elapsed_time', 'lat', 'lon', 'utc']",
        "ImuMessage ['accel', 'elapsed_time', 'gyro']",
        'several types in drive',
        '0 messages',
    ]
    assert names(folder) == [
        'GnssMessage.csv', 'GnssMessage.log', 'ImuMessage.csv', 'ImuMessage.log']
    assert names(tmpdir.join('nothing_arrived')) == []
    rows = table(os.path.join(folder, 'ImuMessage.csv'))
    assert [(row[0], row[2]) for row in rows] == [
        (repr(number * 0.25), '[%d, 0.5]' % number) for number in range(10)]
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    rows = table(os.path.join(folder, 'GnssMessage.csv'))
    assert [row[1:] for row in rows] == [['0', '', '0'], ['5', '', '5']]


def test_a_folder_of_logs_becomes_arrays(recorded):
    pytest.importorskip('numpy')
    lines, errors = run('converter.py', 'numpy', recorded)
    assert errors == ''
    assert lines[0] == '12 messages'
    assert re.match(r'GnssMessage \(2, 4\) 0\.\d+$', lines[1])
    assert lines[2:] == ['ImuMessage (10, 2) 2.25', 'None',
                         'several types in %s' % os.path.basename(recorded)]
