"""dump_to_array. Runs where requirements.txt has NumPy: see conftest.py."""

import math
import os

import numpy
import pytest

from logs import EXPECTED, FOLDER, data, entries, header, line, write
from mcl import Message, ReadDirectory, ReadFile, WriteFile
from mcl.logging.tools import dump_to_array

GPS = os.path.join(FOLDER, 'Gps')


def test_the_vectors():
    expected = entries(EXPECTED['Gps.log']['entries'])
    array = dump_to_array(GPS, ['lat', 'lon'])
    assert type(array) is numpy.ndarray and array.dtype == numpy.float64
    assert array.tolist() == [[e['payload']['lat'], e['payload']['lon']] for e in expected]
    array = dump_to_array(GPS, ('elapsed_time', 'lat'))
    assert array.tolist() == [[e['elapsed_time'], e['payload']['lat']] for e in expected]


def test_a_single_key_gives_two_dimensions_too():
    for keys in ('lat', ['lat'], u'lat'):
        assert dump_to_array(GPS, keys).shape == (5, 1)


def test_the_order_and_repetition_of_keys():
    array = dump_to_array(GPS, ['lon', 'lat', 'lon'])
    assert (array[:, 0] == array[:, 2]).all() and (array[:, 1] < 0).all()


def test_the_array_can_be_changed():
    array = dump_to_array(GPS, ['lat', 'lon'])
    array[:, 0] = 5
    assert array[0, 0] == 5 and array[0, 1] == 151.1873


def test_none_when_there_is_no_entry(tmpdir):
    assert dump_to_array(GPS, 'lat', min_time=1000) is None
    assert dump_to_array(write(tmpdir.join('a.log'), header()), ['x', 'y']) is None


def test_a_window():
    assert dump_to_array(GPS, 'elapsed_time', 0.2, 0.7).tolist() == [[0.201], [0.401], [0.601]]
    assert dump_to_array(GPS, 'elapsed_time', max_time=0.2).tolist() == [[0.001]]


def test_readers_split_logs_and_directories(tmpdir, new_connection):
    reader = ReadFile(GPS, min_time=0.3)
    reader.read()
    assert dump_to_array(reader, 'elapsed_time').tolist() == [[0.601], [0.801]]
    split = os.path.join(FOLDER, 'split', 'Imu')
    assert len(dump_to_array(split, 'timestamp')) == len(EXPECTED['split/Imu (all)'])

    class One(Message):
        mandatory = ('x',)
        connection = new_connection()

    class Two(Message):
        mandatory = ('x',)
        connection = new_connection()

    assert dump_to_array(str(tmpdir), 'x') is None
    with WriteFile(str(tmpdir.join('One')), One) as file:
        file.write(data(One(x=1)))
        file.write(data(One(x=2)))
    assert dump_to_array(str(tmpdir), 'x').tolist() == [[1.0], [2.0]]
    with WriteFile(str(tmpdir.join('Two')), Two) as file:
        file.write(data(Two(x=3)))
    for source in (str(tmpdir), ReadDirectory(str(tmpdir), message=True)):
        with pytest.raises(TypeError) as caught:
            dump_to_array(source, 'x')
        for part in (str(tmpdir), "'One'", "'Two'"):
            assert part in str(caught.value)


def test_numbers_of_every_kind(log):
    array = dump_to_array(log(*[{'x': x} for x in (True, False, 2 ** 53, -1, 1.5, None)]), 'x')
    assert array[:5, 0].tolist() == [1.0, 0.0, 2.0 ** 53, -1.0, 1.5] and math.isnan(array[5, 0])
    assert dump_to_array(log({'x': 2 ** 64 - 1}, name='B'), 'x')[0, 0] == 2.0 ** 64


def test_texts_of_numbers(log):
    array = dump_to_array(log(*[{'x': x} for x in ('1.5', '-2', ' 1e3 ', 'inf', 'nan')]), 'x')
    assert array[:4, 0].tolist() == [1.5, -2.0, 1000.0, float('inf')] and math.isnan(array[4, 0])


def test_any_collection_of_keys():
    for keys in ({'lat'}, frozenset(['lat']), {'lat': 1}, iter(['lat'])):
        assert dump_to_array(GPS, keys).tolist() == dump_to_array(GPS, 'lat').tolist()


def test_payloads_without_a_type_go_with_any(log):
    assert dump_to_array(log({'x': 1}, {'x': 2, 'name': 'A'}, {'x': 3}), 'x').shape == (3, 1)


@pytest.mark.parametrize('value', ['one', '', b'x', [1.0], [], {'a': 1}])
def test_values_that_are_no_numbers(log, value):
    path = log({'x': 1, 'y': 2}, {'x': value, 'y': 2})
    with pytest.raises(TypeError) as caught:
        dump_to_array(path, ['y', 'x'])
    for part in (path, 'entry 2', '0.50000 s', "'x'", repr(value).lstrip('bu')):
        assert part in str(caught.value)
    with pytest.raises(TypeError) as caught:
        dump_to_array(path, 'topic')
    assert "'topic'" in str(caught.value)


@pytest.mark.parametrize('payload', [{'y': 1}, 5, 'text', None, [1]])
def test_payloads_without_the_key(log, payload):
    path = log({'x': 1}, payload)
    with pytest.raises(KeyError) as caught:
        dump_to_array(path, ['elapsed_time', 'x'])
    for part in (path, 'entry 2', '0.50000 s', "'x'"):
        assert part in caught.value.args[0]
    assert dump_to_array(path, ['elapsed_time']).tolist() == [[0.0], [0.5]]


def test_the_payloads_own_elapsed_time_comes_first(log):
    path = log({'elapsed_time': 7, 'topic': 8}, {'topic': 9})
    assert dump_to_array(path, ['elapsed_time', 'topic']).tolist() == [[7.0, 8.0], [0.5, 9.0]]


def test_a_bad_line(tmpdir):
    path = write(tmpdir.join('a.log'), header() + [line(0), 'garbage', line(1)])
    assert dump_to_array(path, 'elapsed_time').tolist() == [[0], [1]]
