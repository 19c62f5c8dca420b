"""Log files: writing, reading, and recording connections into them.

::

    from mcl.logging.file import LogNetwork, ReadDirectory

    with LogNetwork('/data', [ImuMessage, GpsMessage]) as recording:
        directory = recording.directory
        ...
    for entry in ReadDirectory(directory, message=True):
        print(entry['elapsed_time'], entry['payload'])

A log is a text file, one line an entry, with a header that says what it holds. Those of the legacy
system are read, and it reads these.
"""
from __future__ import absolute_import

from mcl.logging._git import retrieve_git_hash
from mcl.logging._read import ReadDirectory, ReadFile
from mcl.logging._record import LogConnection, LogNetwork
from mcl.logging._write import WriteFile

__all__ = ['COMMENT_BLOCK', 'COMMENT_CHARACTER', 'LogConnection', 'LogNetwork', 'MESSAGE_MARKER',
           'ReadDirectory', 'ReadFile', 'TIME_PADDING', 'TOPIC_PADDING', 'VERSION',
           'VERSION_MARKER', 'WriteFile', 'retrieve_git_hash']

# What the format of log files has. Of the legacy API; to change them changes nothing here.
VERSION = 1.0
TIME_PADDING = 12  # characters of a time
TOPIC_PADDING = 8  # characters of a topic and its quotes, at least
COMMENT_CHARACTER = '#'
COMMENT_BLOCK = COMMENT_CHARACTER + 65 * '-'
VERSION_MARKER = '--'
MESSAGE_MARKER = '>>>'
