"""Which commit a program is of, for the header of a log."""
from __future__ import absolute_import

import os
import subprocess

from mcl.logging._arguments import path_text


def retrieve_git_hash(path):
    """Return the commit that the git repository around a file or folder is at.

    Args:
        path (str): such as `__file__`.

    Returns:
        str: the hash, 40 hexadecimal digits; or None: there is no such path, it is in no
        repository, that has no commit, or git is not installed.

    Raises:
        TypeError: `path` is no string.
    """
    path = os.path.abspath(path_text("path", path))
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    # A git hook, say, runs with these set, and they would name another repository.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith('GIT_')}
    try:
        with open(os.devnull, 'r+b') as null:
            process = subprocess.Popen(['git', 'rev-parse', '--verify', 'HEAD'], cwd=folder,
                                       env=environment, stdin=null, stdout=subprocess.PIPE,
                                       stderr=null)
            output = process.communicate()[0]
    except (OSError, ValueError):  # no such folder, no git, a NUL in the path
        return None
    return str(output.decode('ascii').strip()) if process.returncode == 0 else None
