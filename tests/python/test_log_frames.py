"""dump_to_dataframe. Runs where requirements.txt has pandas: see conftest.py."""

import os

import pandas
import pytest

from logs import EXPECTED, FOLDER, ORIGIN, entries, header, line, write
from mcl import ReadDirectory, ReadFile
from mcl.codec import decode_topic
from mcl.logging.tools import dump_to_dataframe

GPS = os.path.join(FOLDER, 'Gps')
OWN = ['elapsed_time', 'topic', 'time']


def missing(values):
    return [bool(each) for each in pandas.isnull(values)]


def test_the_vectors():
    expected = entries(EXPECTED['Gps.log']['entries'])
    frame = dump_to_dataframe(GPS, ['lat', 'lon'])
    assert type(frame) is pandas.DataFrame
    assert list(frame.columns) == OWN + ['lat', 'lon'] and list(frame.index) == [0, 1, 2, 3, 4]
    for name in ('elapsed_time', 'topic'):
        assert list(frame[name]) == [entry[name] for entry in expected]
    for name in ('lat', 'lon'):
        assert list(frame[name]) == [entry['payload'][name] for entry in expected]
        assert frame[name].dtype == 'float64'


def test_time_is_utc():
    times = dump_to_dataframe(GPS)['time']
    assert str(times.dtype).endswith(', UTC]')
    first = pandas.Timestamp('2016-05-12 00:20:07.124456', tz='UTC')
    assert list(times) == [first + pandas.Timedelta(milliseconds=200 * n) for n in range(5)]


def test_time_is_exact_to_the_microsecond(tmpdir):
    prefix = str(tmpdir.join('a'))
    with open(prefix + '.log', 'w') as file:
        file.write('\n'.join(header() + [line(0.00001), line(99999999.99999)]) + '\n')
    times = [each.to_pydatetime() for each in dump_to_dataframe(prefix, 'time')['time']]
    since = [each.replace(tzinfo=None) - ORIGIN for each in times]
    assert [each.total_seconds() for each in since] == [0.00001, 99999999.99999]


def test_all_keys_when_none_is_given(log):
    frame = dump_to_dataframe(log({'a': 1}, {'b': 'text', 'a': 2}, {'b': None}, {'c': [1, 2]}))
    assert list(frame.columns) == OWN + ['a', 'b', 'c']
    assert list(frame['a'])[:2] == [1.0, 2.0] and missing(frame['a']) == [False, False, True, True]
    assert frame['b'][1] == 'text' and missing(frame['b']) == [True, False, True, True]
    assert frame['c'][3] == [1, 2] and missing(frame['c'][:3]) == 3 * [True]


def test_types_of_columns(log):
    frame = dump_to_dataframe(log({'i': 1, 'f': 1.5, 'b': True}, {'i': 2, 'f': 2.5, 'b': False}))
    assert [str(frame[key].dtype) for key in 'ifb'] == ['int64', 'float64', 'bool']


def test_text_that_is_no_text(log):
    """A topic or string of any bytes, as a legacy process may send it."""
    odd = decode_topic(b'\xff\x00a')
    frame = dump_to_dataframe(log({'x': odd}))
    assert frame['x'][0] == odd


def test_a_log_without_entries(tmpdir):
    path = write(tmpdir.join('a.log'), header())
    for keys, columns in ((None, OWN), ('x', OWN + ['x'])):
        frame = dump_to_dataframe(path, keys)
        assert list(frame.columns) == columns and len(frame) == 0
        assert str(frame['time'].dtype).endswith(', UTC]')


def test_no_header_no_time():
    frame = dump_to_dataframe(os.path.join(FOLDER, 'split', 'Imu_001.log'))
    assert len(frame) == 4 and missing(frame['time']) == 4 * [True]
    assert str(frame['time'].dtype).endswith(', UTC]')
    whole = dump_to_dataframe(os.path.join(FOLDER, 'split', 'Imu'))
    assert not any(missing(whole['time']))


def test_directories_readers_and_windows(tmpdir):
    for name in ('A', 'B'):
        content = header(name) + [line(time, '81a1' + '%02x' % ord(name) + '07') for time in (0, 1)]
        write(tmpdir.join(name + '.log'), content)
    frame = dump_to_dataframe(str(tmpdir), max_time=0.5)
    assert sorted(frame.columns) == sorted(OWN + ['A', 'B']) and len(frame) == 2
    assert list(frame['time']) == 2 * [pandas.Timestamp(ORIGIN, tz='UTC')]
    reader = ReadDirectory(str(tmpdir))
    assert len(dump_to_dataframe(reader, min_time=1)) == 2
    assert reader.read() is None
    reader = ReadFile(str(tmpdir.join('A')))
    reader.read()
    frame = dump_to_dataframe(reader, 'A')
    assert list(frame['A']) == [7] and frame['time'][0].second == 8


def test_keys_that_are_named_as_a_column(log):
    path = log({'time': 7, 'x': 1}, {'x': 2})
    for keys in (None, ['time', 'topic', 'x']):
        frame = dump_to_dataframe(path, keys)
        assert sorted(frame.columns) == sorted(OWN + ['payload_time', 'x'])
        assert frame['payload_time'][0] == 7 and missing(frame['payload_time']) == [False, True]
        assert list(frame['topic']) == ['topic', 'topic']
        assert frame['time'][1] - frame['time'][0] == pandas.Timedelta(milliseconds=500)
    assert list(dump_to_dataframe(path, ['elapsed_time', 'x']).columns) == OWN + ['x']
    with pytest.raises(ValueError):
        dump_to_dataframe(log({'time': 7, 'payload_time': 1}, name='B'))


def test_a_key_given_twice():
    with pytest.raises(ValueError):
        dump_to_dataframe(GPS, ['lat', 'lat'])


@pytest.mark.parametrize('payload', [{'y': 1}, 5, 'text', None, [1]])
def test_payloads_without_the_key(log, payload):
    path = log({'x': 1}, payload)
    with pytest.raises(KeyError) as caught:
        dump_to_dataframe(path, 'x')
    for part in (path, 'entry 2', '0.50000 s', "'x'"):
        assert part in caught.value.args[0]
    if payload != {'y': 1}:
        with pytest.raises(TypeError) as caught:
            dump_to_dataframe(path)
        for part in (path, 'entry 2', 'no map'):
            assert part in str(caught.value)


def test_a_bad_line(tmpdir):
    path = write(tmpdir.join('a.log'), header() + [line(0, '8178c0'), 'garbage', line(1, '8178c0')])
    assert dump_to_dataframe(path)['elapsed_time'].tolist() == [0, 1]
