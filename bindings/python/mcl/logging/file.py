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

__all__ = ['LogConnection', 'LogNetwork', 'ReadDirectory', 'ReadFile', 'WriteFile',
           'retrieve_git_hash']
