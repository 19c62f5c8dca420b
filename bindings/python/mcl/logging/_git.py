"""Which commit a program is of, for the header of a log."""
from __future__ import absolute_import

import errno
import os
import subprocess

from mcl import _constants as constants
from mcl.errors import MclError
from mcl.logging._arguments import path_bytes, path_text


def retrieve_git_hash(repository_path):
    """Return the commit that a git repository is at.

    Args:
        repository_path (str): a file or folder in its work tree, such as `__file__`; its `.git`, a
            folder or the file of a worktree; or a bare repository. Whose it is does not matter.

    Returns:
        str: the hash, 40 hexadecimal digits; or None: that is no repository, it has no commit, or
        git is not installed.

    Raises:
        TypeError: `repository_path` is no string.
        IOError: there is no such path.
    """
    path = path_bytes(path_text("repository_path", repository_path))
    if not os.path.exists(path):
        raise MclError("there is no %s: give a path in a git repository" % (repository_path,),
                       constants.MCL_ESYSTEM, errno.ENOENT)
    folder = _find_repository(path)
    if folder is None:
        return None
    # A git hook, say, runs with these set, and they would name another repository.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith('GIT_')}
    # Told where the repository is, git does not ask whose it is.
    command = [b'git', b'--git-dir=' + folder, b'rev-parse', b'--verify', b'HEAD']
    try:
        with open(os.devnull, 'r+b') as null:
            process = subprocess.Popen(command, env=environment, stdin=null,
                                       stdout=subprocess.PIPE, stderr=null)
            output = process.communicate()[0]
    except OSError:  # no git
        return None
    return str(output.decode('ascii').strip()) if process.returncode == 0 else None


def _find_repository(path):
    """Return the repository that a path is, or is in the work tree of; None: there is none."""
    while True:
        for folder in (path, os.path.join(path, b'.git')):
            if os.path.basename(folder) == b'.git' and os.path.isfile(folder):
                return folder
            # Of a worktree's own folder, the objects are elsewhere.
            if os.path.isfile(os.path.join(folder, b'HEAD')) and any(
                    os.path.exists(os.path.join(folder, name))
                    for name in (b'objects', b'commondir')):
                return folder
        path, below = os.path.dirname(path), path
        if path == below:
            return None
