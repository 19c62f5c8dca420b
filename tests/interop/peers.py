"""The peers of this machine: builds them, and finds the interpreters as tests/python/run does."""
import importlib.machinery
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, 'build', 'interop')
LIBRARY = os.path.join(BUILD, 'libmcl.so')  # a copy: somebody may build while this runs
# The encoders of legacy processes; the first is what nearly all of them have.
LEGACY = (('0.4.8', 'msgpack-python==0.4.8'), ('0.6.2', 'msgpack==0.6.2'), ('1.0.0', 'msgpack==1.0.0'))


class Peer(object):
    """A program of the text protocol.

    Attributes:
        family (str): 'native' shows payloads as they came; 'python3' packs them again; 'python2' and
            'legacy' know one type of string only, and 'python2' no order in maps.
        sends (str): the form of the strings it sends: 'raw', 'bin', or 'both' as asked.
    """

    def __init__(self, name, family, sends, command, path=()):
        self.name, self.family, self.sends, self.command = name, family, sends, command
        self.environment = dict(os.environ, PYTHONDONTWRITEBYTECODE='1', PYTHONPATH=os.pathsep.join(path),
                                MCL_LIBRARY=LIBRARY)

    @property
    def is_legacy(self):
        return self.family == 'legacy'


def _python_tests():
    """Return tests/python/run, which knows the interpreters and what they need."""
    path = os.path.join(ROOT, 'tests', 'python', 'run')
    loader = importlib.machinery.SourceFileLoader('python_tests', path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('python_tests', loader))
    loader.exec_module(module)
    return module


def _run(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
                          universal_newlines=True)
    if done.returncode:
        sys.exit("interop: %s failed:\n%s" % (' '.join(command), done.stdout))


def _legacy_package(python, version, requirement):
    """Return the folder of this msgpack for Python 2.7, filling it once."""
    folder = os.path.join(BUILD, 'msgpack-' + version)
    if not os.path.exists(os.path.join(folder, 'installed')):
        _run([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--upgrade',
              '--target', folder, requirement])
        open(os.path.join(folder, 'installed'), 'w').close()
    return folder


def native():
    """Build and return the peers in Go and C. build/libmcl.so and the C wrapper must be there."""
    for name in ('libmcl.so', 'libmcl.so.0'):
        if os.path.lexists(os.path.join(BUILD, name)):
            os.remove(os.path.join(BUILD, name))
    shutil.copyfile(os.path.join(ROOT, 'build', 'libmcl.so'), LIBRARY)
    os.symlink('libmcl.so', LIBRARY + '.0')
    go, c = os.path.join(BUILD, 'peer-go'), os.path.join(BUILD, 'peer-c')
    _run([os.path.join(ROOT, 'tools', 'go'), 'build', '-o', go, './tests/interop/go'])
    _run(shlex.split(os.environ.get('CC', 'cc'))
         + ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-Iinclude', '-Ibindings/c', '-o', c,
            'tests/interop/peer.c', 'build/c/libmclw.a', LIBRARY, '-Wl,-rpath,' + BUILD, '-pthread'])
    return [Peer('go', 'native', 'both', [go]), Peer('c', 'native', 'both', [c])]


def all_peers():
    """Return all peers, and lines about those that are missing."""
    os.makedirs(BUILD, exist_ok=True)
    peers, missing = native(), []
    tests = _python_tests()
    found = tests.interpreters()
    asked = os.environ.get('PYTHONS', '').split() or sorted(found, key=tests.VERSIONS.index)
    for version in asked:
        if version not in found:
            sys.exit("interop: there is no Python %s" % version)
        packages = tests.install(version, found[version])
        family, sends = ('python2', 'raw') if version == '2.7' else ('python3', 'both')
        peers.append(Peer('py' + version, family, sends, [found[version], os.path.join(HERE, 'peer.py')],
                          [os.path.join(ROOT, 'bindings', 'python'), packages]))
    if not asked:
        missing.append("Python: no interpreter found")
    if '2.7' not in found:
        return peers, missing + ["legacy peers: they need Python 2.7"]
    for version, requirement in LEGACY:
        folder = _legacy_package(found['2.7'], version, requirement)
        peers.append(Peer('legacy ' + version, 'legacy', 'raw' if version < '0.5' else 'bin',
                          [found['2.7'], os.path.join(HERE, 'legacy.py')], [folder]))
    return peers, missing
