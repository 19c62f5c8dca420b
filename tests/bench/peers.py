"""What is measured: builds the programs, and finds or installs what they need."""
import importlib.machinery
import importlib.util
import json
import os
import shlex
import shutil
import subprocess

from process import Command

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAMS = os.path.join(HERE, 'programs')
BUILD = os.path.join(ROOT, 'build', 'bench')
FOUND = os.path.join(
    BUILD, 'found.json')  # what was found and built before the private network was entered

CC = shlex.split(os.environ.get('CC', 'cc'))
GO = os.path.join(ROOT, 'tools', 'go')
FLAGS = [
    '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-I' + os.path.join(ROOT, 'include'),
    '-I' + BUILD
]

# Other systems: the program's name, its header and library, and Debian's packages of them.
OTHERS = (
    ('lcm', 'lcm/lcm.h', 'lcm', ['liblcm-dev']),
    ('dds', 'dds/dds.h', 'ddsc', ['cyclonedds-dev', 'cyclonedds-tools']),
    ('zmq', 'zmq.h', 'zmq', ['libzmq3-dev']),
)

# What Python users choose between: the program's mode (programs/systems.py), a title, and PyPI's
# package. The newest interpreter has wheels of all.
SYSTEMS = (
    ('lcm', "lcm", 'lcm==1.5.3'),
    ('zenoh', "zenoh", 'eclipse-zenoh==1.10.2'),
    ('zmq', "pyzmq", 'pyzmq==27.3.0'),
    ('dds', "cyclonedds", 'cyclonedds==11.0.1'),
)

# Cyclone DDS as it is advised for large samples on a fast network: datagrams as large as libmcl's,
# not the 1.4 kB of the default, and a receive buffer as large as everybody's. Without these two it
# is several times slower with large messages.
CYCLONEDDS = (
    '<CycloneDDS><Domain><General>'
    '<Interfaces><NetworkInterface name="lo" multicast="true"/></Interfaces>'
    '<AllowMulticast>true</AllowMulticast>'
    '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>60000B</FragmentSize>'
    '</General><Internal><SocketReceiveBufferSize min="4MB"/></Internal></Domain></CycloneDDS>')

# Of Python 3 the oldest and the newest that are found, to keep it short.
PYTHON_2 = '2.7'


def _run(command, **options):
    done = subprocess.run(command,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          universal_newlines=True,
                          **options)
    if done.returncode:
        raise RuntimeError("%s failed:\n%s" % (' '.join(command), done.stdout))


def _compile(name, libraries, sources=()):
    _run(CC + FLAGS + [os.path.join(PROGRAMS, 'bench.c'),
                         os.path.join(PROGRAMS, name + '.c')] + list(sources)
         + ['-o', os.path.join(BUILD, name)] + libraries + ['-pthread'])


def _library():
    """Copy the library, since somebody may build while this runs. Returns how to link it."""
    target = os.path.join(BUILD, 'libmcl.so')
    for name in (target, target + '.0'):
        if os.path.lexists(name):
            os.remove(name)
    shutil.copyfile(os.path.join(ROOT, 'build', 'libmcl.so'), target)
    os.symlink('libmcl.so', target + '.0')
    return [target, '-Wl,-rpath,' + BUILD]


def _has(header):
    return subprocess.run(CC + ['-fsyntax-only', '-include', header, '-x', 'c', os.devnull],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def _other(name, header, library, packages, install):
    """Build a program of another system. Returns why it cannot be, or None."""
    if not _has(header) or (name == 'dds' and not shutil.which('idlc')):
        if not install:
            return "%s is not installed (Debian: %s)" % (header, ' '.join(packages))
        if os.geteuid() != 0 or not shutil.which('apt-get'):
            return "%s is not installed, and only root can, by apt-get: %s" % (header,
                                                                               ' '.join(packages))
        print("installing %s" % ' '.join(packages), flush=True)
        try:
            _run(['apt-get', 'update', '-q'])
            _run(['apt-get', 'install', '-yq', '--no-install-recommends'] + packages,
                 env=dict(os.environ, DEBIAN_FRONTEND='noninteractive'))
        except RuntimeError as error:
            return str(error).strip().splitlines()[-1]
    sources = []
    try:
        if name == 'dds':
            _run(['idlc', '-l', 'c', os.path.join(PROGRAMS, 'sample.idl')], cwd=BUILD)
            # Apart, since what it generates is not made for our warnings.
            _run(CC + ['-w', '-O2', '-I' + BUILD, '-c', 'sample.c', '-o', 'sample.o'], cwd=BUILD)
            sources = [os.path.join(BUILD, 'sample.o')]
        _compile(name, ['-l' + library], sources)
    except RuntimeError as error:
        return str(error)
    return None


def _python_tests():
    """Return tests/python/run, which knows the interpreters and what they need."""
    path = os.path.join(ROOT, 'tests', 'python', 'run')
    loader = importlib.machinery.SourceFileLoader('python_tests', path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(
        'python_tests', loader))
    loader.exec_module(module)
    return module


def _pythons(missing):
    tests = _python_tests()
    found = tests.interpreters()
    asked = os.environ.get('PYTHONS', '').split()
    if not asked:
        threes = [version for version in tests.VERSIONS if version in found and version != PYTHON_2]
        asked = [PYTHON_2] + (threes[:1] + threes[-1:] if len(threes) > 1 else threes)
    pythons = {}
    for version in asked:
        if version in found:
            pythons[version] = [
                found[version],
                tests.python_path(tests.install(version, found[version]))
            ]
        else:
            missing.append("Python %s: there is no such interpreter" % version)
    return pythons


def _systems(pythons, install, missing):
    """Return what there is of SYSTEMS: {mode: folder}."""
    version = newest(pythons)
    found = {}
    for mode, title, package in SYSTEMS if version else ():
        folder = os.path.join(BUILD, 'systems', version, package)
        if not os.path.exists(folder) and install:
            print("installing %s for Python %s" % (package, version), flush=True)
            made = folder + '.new'  # to be there whole, or not at all
            shutil.rmtree(made, ignore_errors=True)
            try:
                _run([pythons[version][0], '-m', 'pip', 'install', '--quiet', '--only-binary',
                      ':all:', '--disable-pip-version-check', '--target', made, package])
                os.rename(made, folder)
            except RuntimeError as error:
                missing.append("Python's %s: %s" % (title, str(error).strip().splitlines()[-1]))
                continue
        if os.path.exists(folder):
            found[mode] = folder
        else:
            missing.append("Python's %s: %s is not installed for Python %s: make bench does it"
                           % (title, package, version))
    return found


def newest(pythons):
    """Return the newest version of Python 3 among these, or None."""
    threes = [version for version in pythons if version != PYTHON_2]
    return max(threes, key=lambda version: int(version.split('.')[1])) if threes else None


def prepare(install):
    """Build and find all; `install` what other systems need. Returns what `Peers` reads."""
    os.makedirs(BUILD, exist_ok=True)
    missing, others = [], []
    _compile('bare', [])
    _compile('mcl', _library())
    _run([GO, 'build', '-o', os.path.join(BUILD, 'mcl-go'), './tests/bench/programs/go'], cwd=ROOT)
    _run([GO, 'test', '-c', '-o', os.path.join(BUILD, 'core.test'), './core'], cwd=ROOT)
    for name, header, library, packages in OTHERS:
        why = _other(name, header, library, packages, install)
        if why is None:
            others.append(name)
        else:
            missing.append("%s: %s" % (name, why))
    pythons = _pythons(missing)
    systems = _systems(pythons, install, missing)
    return {'others': others, 'pythons': pythons, 'systems': systems, 'missing': missing}


class Way(object):
    """One way for a message to travel.

    Attributes:
        name (str): in tables.
        send, receive (Command)
        foreign (bool): not ours; that it fails is told, and no failure of the benchmark.
        size_max (int): bytes of the largest message it can carry.
    """
    def __init__(self, name, send, receive, foreign=False, size_max=1 << 30):
        self.name, self.send, self.receive = name, send, receive
        self.foreign, self.size_max = foreign, size_max


class Peers(object):
    """The programs as commands."""
    def __init__(self, found):
        self.others, self.missing = found['others'], found['missing']
        self.pythons = list(found['pythons'])
        self._pythons = found['pythons']
        self._systems = found['systems']
        self.newest = newest(self.pythons)

    @staticmethod
    def native(name, role, mode=None):
        """bare, mcl, lcm, dds or zmq in a role."""
        command = Command([os.path.join(BUILD, name), role],
                          {'CYCLONEDDS_URI': CYCLONEDDS} if name == 'dds' else {})
        return command.with_options(mode=mode) if mode else command

    def python(self, version, program, role, mode=None):
        """mcl_python or bare_python in a role, on an interpreter."""
        interpreter, path = self._pythons[version]
        environment = {
            'PYTHONPATH': path,
            'PYTHONDONTWRITEBYTECODE': '1',
            'MCL_LIBRARY': os.path.join(BUILD, 'libmcl.so')
        }
        command = Command([interpreter, os.path.join(PROGRAMS, program + '.py'), role], environment)
        return command.with_options(mode=mode) if mode else command

    def systems(self):
        """What Python users choose between, on the newest interpreter; the first is bare."""
        ways = []
        if not self.newest:
            return ways
        for mode, title, folder in ([('bare', "bare Python", ''), ('mcl', "libmcl Python", '')]
                                    + [(mode, title, self._systems[mode])
                                       for mode, title, _ in SYSTEMS if mode in self._systems]):
            commands = [self.python(self.newest, 'systems', role, mode)
                        for role in ('send', 'receive')]
            for command in commands:
                command.environment['PYTHONPATH'] += os.pathsep + folder
                command.environment['CYCLONEDDS_URI'] = CYCLONEDDS
            ways.append(Way(title, *commands))
        return ways

    def day_in_c(self):
        """The same of several topics, in C."""
        return [Way("libmcl C", self.native('mcl', 'send', 'publish'),
                    self.native('mcl', 'receive', 'callback'))]

    @staticmethod
    def core_benchmark(effort):
        """Return the command of the core's own benchmark.

        By itself it would enter a private network: it is told that it is in one.
        """
        return Command([
            os.path.join(BUILD, 'core.test'), '-test.run=^$',
            '-test.bench=OneAtATime',
            '-test.benchtime=%dms' % max(200, 1000 * effort.seconds)
        ], {'MCL_TEST_NETNS': '1'})

    def ways(self):
        """All, as the table of speeds has them."""
        native = self.native
        ways = [
            Way("bare sendto, recv",
                native('bare', 'send', 'sendto'),
                native('bare', 'receive', 'recv'),
                size_max=60000),
            Way("bare sendmmsg, recvmmsg",
                native('bare', 'send', 'sendmmsg'),
                native('bare', 'receive', 'recvmmsg'),
                size_max=60000),
            Way("bare GSO, GRO",
                native('bare', 'send', 'gso'),
                native('bare', 'receive', 'gro'),
                size_max=60000),
            Way("libmcl C", native('mcl', 'send', 'publish'), native('mcl', 'receive', 'callback')),
            Way("libmcl Go", native('mcl-go', 'send', 'publish'),
                native('mcl-go', 'receive', 'callback')),
        ]
        for name, title, modes in (('lcm', "LCM", ('', )), ('dds', "Cyclone DDS", ('', )),
                                   ('zmq', "ZeroMQ", ('epgm', 'tcp'))):
            if name in self.others:
                ways += [
                    Way(' '.join((title, mode)).strip(),
                        native(name, 'send', mode),
                        native(name, 'receive', mode),
                        foreign=True) for mode in modes
                ]
        for version in self.pythons[:1] + self.pythons[1:][-1:]:  # what lies between is between
            ways += [
                Way("libmcl Python " + version, self.python(version, 'mcl_python', 'send',
                                                            'publish'),
                    self.python(version, 'mcl_python', 'receive', 'raw')),
                Way("bare Python " + version, self.python(version, 'bare_python', 'send'),
                    self.python(version, 'bare_python', 'receive')),
            ]
        return ways


def save(found):
    with open(FOUND, 'w') as file:
        json.dump(found, file)


def load():
    with open(FOUND) as file:
        return Peers(json.load(file))
