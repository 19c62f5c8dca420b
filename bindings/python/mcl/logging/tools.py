"""Takes data out of logs: into lists, NumPy arrays, CSV files and pandas' data frames.

::

    from mcl.logging.tools import dump_to_array, dump_to_csv

    values = dump_to_array('/data/ImuMessage.log', ['elapsed_time', 'temperature'])
    dump_to_csv('/data/ImuMessage.log', '/data/imu.csv', ['elapsed_time', 'gyro', 'accel'])

NumPy and pandas are needed by `dump_to_array` and `dump_to_dataframe` only.

All of these take as `source` the prefix of a log, which is split or not, or the name of one file; a
directory, whose logs are merged in order of time as a ReadDirectory does it, without those of raw
data; or an open reader, which is read from where it stands to its end, and not closed. A line that
is no entry, and a payload that is not what it should be, is left out, and told on stderr. All raise

- TypeError: an argument is of another type, or a time below 0;
- ValueError: `min_time` is more than `max_time`;
- IOError: there is no such log, or it cannot be read.
"""
from __future__ import absolute_import

import contextlib
import csv
import importlib
import itertools
import os

from mcl._compat import string_types
from mcl._report import report
from mcl.logging._arguments import check_window, path_text
from mcl.logging._buffer import check_reader
from mcl.logging._csv import cell, complete_or_not
from mcl.logging._read import ReadDirectory, Reader, ReadFile
from mcl.logging._values import OF_FRAMES, checked_keys, columns, floats, rows

__all__ = ['dump_to_array', 'dump_to_csv', 'dump_to_dataframe', 'dump_to_list']


def dump_to_list(source, min_time=None, max_time=None, message=False, metadata=True):
    """Return the entries of a log as a list, which is empty when there are none.

    Args:
        source (str or reader): see above.
        min_time (float): leave out entries before; seconds elapsed.
        max_time (float): leave out entries after; seconds elapsed.
        message (bool, type or str): True: payloads become messages of the type that the log names;
            a subclass of Message, or its name: of that one (not for directories). A reader gives
            messages or not as it was opened; then this must be False.
        metadata (bool): True: each item is a dict of `elapsed_time`, `topic` and `payload`, as
            `ReadFile.read` gives it; False: the payload.

    Raises:
        NameError: the message type of a log is not defined.
    """
    if not isinstance(metadata, bool):
        raise TypeError("metadata must be True or False, not %r" % (metadata,))
    with _opened(source, min_time, max_time, message) as (_, entries):
        return [entry if metadata else entry['payload'] for entry in entries]


def dump_to_array(source, keys, min_time=None, max_time=None):
    """Return numbers of a log as a NumPy array: a row an entry, a column a key.

    True and False become 1 and 0, None becomes NaN, texts of numbers the numbers, and integers
    beyond 2**53 are rounded. Memory follows the array, not the log.

    Args:
        source (str or reader): see above.
        keys (str, or any collection of str): of the payloads. `elapsed_time` is that of the entry,
            unless the payload has such a key.
        min_time (float): leave out entries before; seconds elapsed.
        max_time (float): leave out entries after; seconds elapsed.

    Returns:
        numpy.ndarray: of float64, with two dimensions; or None when there is no entry.

    Raises:
        ImportError: there is no NumPy.
        KeyError: a payload lacks a key. The text names source, entry and key.
        TypeError: a value is no number, but a list, say; or payloads have different values of the
            key `name`, as those of a directory with logs of several types. Likewise.
        ValueError: no key is given.
    """
    keys = checked_keys(keys)
    _check_arguments(source, min_time, max_time)
    numpy = _imported('numpy', "NumPy", 'dump_to_array')
    with _opened(source, min_time, max_time) as (reader, entries):
        values = numpy.fromiter(floats(reader, entries, keys), numpy.float64)
    return values.reshape(-1, len(keys)) if values.size else None


def dump_to_csv(source, csv_file, keys, min_time=None, max_time=None):
    r"""Write values of a log to a CSV file: a line an entry, and none with the keys.

    Lines end in \r\n and text is in UTF-8 (RFC 4180). Of floats all digits are written. None is an
    empty field, text and bytes stand as they are (bytes that are no UTF-8 too), lists and maps as
    `str` gives them.

    The file takes its name, and the place of one that has it, once it is complete: after an error,
    or where there is no entry, there is none, or the former one. Memory does not grow with the log.

    Args:
        source (str or reader): see above.
        csv_file (str): the path of the file to write.
        keys (str, or any collection of str): of the payloads. `elapsed_time` and `topic` are those
            of the entry, unless the payload has such a key.
        min_time (float): leave out entries before; seconds elapsed.
        max_time (float): leave out entries after; seconds elapsed.

    Raises:
        KeyError: a payload lacks a key. The text names source, entry and key.
        TypeError: payloads are of several types, as for `dump_to_array`. Likewise.
        ValueError: no key is given.
        IOError: the file cannot be written.
    """
    csv_file, keys = path_text("csv_file", csv_file), checked_keys(keys)
    with _opened(source, min_time, max_time) as (reader, entries):
        values = rows(reader, entries, keys)
        for first in itertools.islice(values, 1):
            with complete_or_not(csv_file) as file:
                writer = csv.writer(file)
                for _, _, row in itertools.chain([first], values):
                    writer.writerow([cell(value) for value in row])


def dump_to_dataframe(source, keys=None, min_time=None, max_time=None):
    """Return a log as a pandas DataFrame: a row an entry, numbered from 0.

    Its columns are `elapsed_time` (seconds), `topic`, `time` and the keys. `time` is when the data
    was received, UTC, to the microsecond; NaT when there is no header that tells the time origin.
    `frame.set_index('time')` makes it the index. A key of one of these names becomes the column
    `payload_elapsed_time`, `payload_topic` or `payload_time`, where a payload has it. Values are as
    in the payload, and pandas chooses the types of the columns.

    Args:
        source (str or reader): see above.
        keys (str, or any collection of str): of the payloads. None: all that occur, in the order in
            which they do (Python 2 has no order of those of one payload); where a payload lacks
            one, the value is missing (NaN or None).
        min_time (float): leave out entries before; seconds elapsed.
        max_time (float): leave out entries after; seconds elapsed.

    Raises:
        ImportError: there is no pandas.
        KeyError: a payload lacks a key that was asked for. The text names source, entry and key.
        TypeError: `keys` is None and a payload is no map; likewise.
        ValueError: no key is given, or one twice.
    """
    keys = None if keys is None else checked_keys(keys)
    if keys is not None and len(set(keys)) < len(keys):
        raise ValueError("a key is given twice: %r" % (keys,))
    _check_arguments(source, min_time, max_time)
    pandas = _imported('pandas', "pandas", 'dump_to_dataframe')
    with _opened(source, min_time, max_time) as (reader, entries):
        frame, found = columns(reader, entries, keys)
        frame['time'] = _times(pandas, _origin(reader), frame['elapsed_time'])
    for key, column in found.items():
        name = 'payload_' + key if key in OF_FRAMES else key
        if name in frame:
            raise ValueError("two keys would be the column %r" % name)
        frame[name] = column
    return pandas.DataFrame(frame, columns=list(frame))


def _is_path(source):
    return isinstance(source, string_types) or hasattr(source, '__fspath__')


def _check_arguments(source, min_time, max_time, message=False):
    """Raise TypeError or ValueError for what can be told before anything is opened."""
    check_window(min_time, max_time)
    if _is_path(source):
        return
    try:
        check_reader(source)
    except NameError as error:
        raise TypeError("source must be the path of a log or of a directory, or a reader: %s"
                        % error)
    if message is not False:
        raise TypeError("message must be False for a reader, which gives messages when it was"
                        " opened to do so, not %r" % (message,))


@contextlib.contextmanager
def _opened(source, min_time, max_time, message=False):
    """Give a reader, and an iterator over its entries in the window; close what was opened."""
    _check_arguments(source, min_time, max_time, message)
    if not _is_path(source):
        yield source, _entries(source, min_time, max_time)
        return
    kind = ReadDirectory if os.path.isdir(path_text("source", source)) else ReadFile
    with kind(source, min_time, max_time, message) as reader:
        yield reader, _entries(reader, None, None)
        if reader.left_out() > 1:
            report("%d entries of %s were left out" % (reader.left_out(), source))


def _entries(reader, min_time, max_time):
    for entry in reader if isinstance(reader, Reader) else iter(reader.read, None):
        time = entry['elapsed_time']
        if (min_time is None or time >= min_time) and (max_time is None or time <= max_time):
            yield entry


def _origin(reader):
    """Return the time origin that a header tells, a str, or None."""
    # All logs of a directory have one origin.
    headers = reader._headers if isinstance(reader, Reader) else [getattr(reader, 'header', None)]
    return headers[0]['created'] if headers and headers[0] else None


def _imported(name, title, function):
    """Return a module that only some need. ImportError says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("%s needs %s, which cannot be imported: %s; install it by: pip install %s"
                          % (function, title, error, name))


def _times(pandas, origin, elapsed):
    """Return times, UTC, as pandas has them.

    Args:
        origin (str or None): what `elapsed` counts from.
        elapsed (list of float): seconds.
    """
    numpy = importlib.import_module('numpy')
    if origin is None:
        times = numpy.full(len(elapsed), 'NaT', 'datetime64[us]')
    else:
        since = numpy.round(numpy.array(elapsed, numpy.float64) * 1e6).astype(numpy.int64)
        times = numpy.datetime64(origin, 'us') + since.astype('timedelta64[us]')
    # What is beyond pandas' range becomes NaT.
    return pandas.Series(pandas.to_datetime(times, utc=True, errors='coerce'))
