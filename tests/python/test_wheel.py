"""The package as pip installs it. No network is needed: what builds it is there already."""

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from helpers import PY2, ROOT

CHECK = """
import os, sys
import mcl
from mcl import _library
from mcl.network.udp import Connection
C = Connection('ff15::1')
with mcl.RawListener(C) as listener, mcl.RawBroadcaster(C) as broadcaster:
    broadcaster.publish(5)
    assert listener.receive(20)['payload'] == 5
folder = os.path.dirname(os.path.abspath(mcl.__file__))
assert os.path.dirname(_library.get().path) == folder, _library.get().path
print(folder)
"""

BINDING = os.path.join(ROOT, 'bindings', 'python')

# What pip built with, and msgpack; the package itself is not on it.
PACKAGES = os.pathsep.join(
    path
    for path in os.environ['PYTHONPATH'].split(os.pathsep)
    if not os.path.exists(os.path.join(path, 'mcl'))
)


def run(*command, **options):
    environment = dict(
        os.environ, PYTHONPATH=options.pop('path', PACKAGES), **options.pop('env', {})
    )
    environment.pop('MCL_LIBRARY', None)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        universal_newlines=True,
        **options
    )
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return output


def pip(*arguments, **options):
    return run(sys.executable, '-m', 'pip', '--disable-pip-version-check', *arguments, **options)


@pytest.fixture(scope='module')
def tree(tmpdir_factory):
    """A source tree: the binding's folder and what it needs of the rest, with the library built."""
    tree = tmpdir_factory.mktemp('tree')
    shutil.copytree(
        os.path.join(ROOT, 'bindings', 'python'),
        str(tree.join('bindings', 'python')),
        ignore=shutil.ignore_patterns(
            'build', 'dist', '*.egg-info', 'libmcl.so', '__pycache__', '*.pyc'
        ),
    )
    for name in (('include', 'mcl.h'), ('build', 'libmcl.so')):
        tree.mkdir(name[0])
        shutil.copy(os.path.join(ROOT, *name), str(tree.join(*name)))
    return tree


@pytest.fixture(scope='module')
def wheel(tree, tmpdir_factory):
    folder = tmpdir_factory.mktemp('wheels')
    pip(
        'wheel',
        '--no-deps',
        '--no-build-isolation',
        '-w',
        str(folder),
        './bindings/python',
        cwd=str(tree),
        env={'PWD': str(tree)},
    )
    (path,) = glob.glob(os.path.join(str(folder), '*.whl'))
    return path


def test_wheel(wheel):
    name = os.path.basename(wheel)
    assert name.startswith('mcl-') and '-py2.py3-none-linux_' in name
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert 'mcl/libmcl.so' in names
        assert archive.getinfo('mcl/libmcl.so').file_size == os.path.getsize(
            os.path.join(ROOT, 'build', 'libmcl.so')
        )
        for module in (
            'mcl/__init__.py',
            'mcl/event/event.py',
            'mcl/messages/messages.py',
            'mcl/network/abstract.py',
            'mcl/network/network.py',
            'mcl/network/udp.py',
        ):
            assert module in names
        stubs = [
            os.path.relpath(os.path.join(folder, name), BINDING)
            for folder, _, files in os.walk(os.path.join(BINDING, 'mcl'))
            for name in files
            if name.endswith('.pyi')
        ]
        assert 'mcl/network/udp.pyi' in stubs
        assert set(stubs + ['mcl/py.typed']) <= set(names)
        assert not [name for name in names if 'test' in name or 'example' in name]
        metadata = archive.read([name for name in names if name.endswith('/METADATA')][0]).decode(
            'utf-8'
        )
        assert 'Requires-Dist: msgpack' in metadata


def test_sdist(copy):
    folder = copy.join('bindings', 'python')
    run(sys.executable, 'setup.py', '-q', 'sdist', '-d', str(copy.join('out')), cwd=str(folder))
    (path,) = glob.glob(str(copy.join('out', '*.tar.gz')))
    with contextlib.closing(tarfile.open(path)) as archive:
        names = {name.split('/', 1)[-1] for name in archive.getnames()}
    assert {'README.md', 'MIGRATING.md', 'setup.py', 'mcl/network/udp.py'} <= names
    assert {'mcl/network/udp.pyi', 'mcl/py.typed'} <= names


def test_an_sdist_is_installed_far_from_the_source_tree(copy, tmpdir):
    """By a Makefile that stands in for the real one, which needs Go (tests/builds has that)."""
    library = os.path.join(ROOT, 'build', 'libmcl.so')
    copy.join('Makefile').write("lib:\n\tmkdir build\n\tcp '%s' build/libmcl.so\n" % library)
    folder = str(copy.join('bindings', 'python'))
    far = {'PWD': '/'}
    run(sys.executable, 'setup.py', '-q', 'sdist', '-d', str(tmpdir), cwd=folder, env=far)
    shutil.rmtree(str(copy))
    (path,) = glob.glob(str(tmpdir.join('*.tar.gz')))
    options = ('--no-deps', '--no-index', '--no-build-isolation', '--target', str(tmpdir))
    pip('install', path, *options, cwd='/', env=far)
    path = os.pathsep.join([str(tmpdir), PACKAGES])
    assert run(sys.executable, '-c', CHECK, cwd='/', path=path).strip() == str(tmpdir.join('mcl'))


def test_nothing_is_copied_when_the_library_cannot_be_built(copy):
    copy.join('build').remove()
    copy.join('Makefile').write("lib:\n\t@echo Go is too old; exit 1\n")
    well, output = build(copy)
    assert not well and 'Go is too old' in output and not copy.join('out').check()


@pytest.mark.skipif(PY2, reason="Python 2 has no venv")
def test_in_a_fresh_venv(wheel, tmpdir):
    venv = tmpdir.join('venv')
    run(sys.executable, '-m', 'venv', '--without-pip', str(venv))
    python = str(venv.join('bin', 'python'))
    (site,) = glob.glob(str(venv.join('lib', '*', 'site-packages')))
    pip('install', '--no-deps', '--no-index', '--target', site, wheel)
    assert run(python, '-c', CHECK, cwd=str(tmpdir)).strip() == os.path.join(site, 'mcl')


def test_from_the_source_tree_into_a_folder(tree, tmpdir):
    pip(
        'install',
        '--no-deps',
        '--no-build-isolation',
        '--target',
        str(tmpdir),
        './bindings/python',
        cwd=str(tree),
        env={'PWD': str(tree)},
    )
    path = os.pathsep.join([str(tmpdir), PACKAGES])
    assert run(sys.executable, '-c', CHECK, cwd='/', path=path).strip() == str(tmpdir.join('mcl'))


def test_the_library_is_built_when_it_is_not_there(tree, tmpdir):
    """Here by a Makefile that stands in for the real one, which needs Go."""
    built = tmpdir.join('tree')
    shutil.copytree(str(tree.join('bindings')), str(built.join('bindings')))
    shutil.copytree(str(tree.join('include')), str(built.join('include')))
    built.join('Makefile').write(
        "lib:\n\tmkdir -p build\n\tcp '%s' build/libmcl.so\n"
        % os.path.join(ROOT, 'build', 'libmcl.so')
    )
    run(
        sys.executable,
        'setup.py',
        '-q',
        'build_py',
        '-d',
        str(tmpdir.join('out')),
        cwd=str(built.join('bindings', 'python')),
    )
    assert tmpdir.join('out', 'mcl', 'libmcl.so').check()


def build(folder, **variables):
    """Run build_py in a copy of the binding's folder: whether it went well, and what it printed."""
    process = subprocess.Popen(
        [sys.executable, 'setup.py', '-q', 'build_py', '-d', str(folder.join('out'))],
        cwd=str(folder.join('bindings', 'python')),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=PACKAGES, PWD=str(folder), **variables),
    )
    output = process.communicate()[0]
    return process.returncode == 0, output


@pytest.fixture
def copy(tree, tmpdir):
    """A copy of the tree that a test may change."""
    shutil.copytree(str(tree), str(tmpdir.join('copy')))
    return tmpdir.join('copy')


def test_the_library_is_brought_up_to_date(copy):
    """Stand-ins for make and Go: the real ones are not always there."""
    programs = copy.mkdir('programs')
    for name, content in (('make', '#!/bin/sh\ncp real build/libmcl.so\n'), ('go', '#!/bin/sh\n')):
        programs.join(name).write(content)
        programs.join(name).chmod(0o755)
    copy.join('build', 'libmcl.so').move(copy.join('real'))
    copy.join('build', 'libmcl.so').write('old')
    copy.join('Makefile').write('')
    path = os.pathsep.join([str(programs), os.environ['PATH']])
    assert build(copy, PATH=path)[0]
    assert copy.join('out', 'mcl', 'libmcl.so').size() == copy.join('real').size()


def test_a_broken_library_is_refused(copy):
    copy.join('build', 'libmcl.so').write('old')
    well, output = build(copy)
    assert not well and 'is no libmcl that can be loaded' in output
    well, output = build(copy, MCL_LIBRARY=os.path.join(ROOT, 'build', 'libmcl.so'))
    assert well, output


def test_a_library_of_another_version_is_refused(copy):
    constants = copy.join('bindings', 'python', 'mcl', '_constants.py')
    constants.write(constants.read().replace('MCL_VERSION = "', 'MCL_VERSION = "9'))
    well, output = build(copy)
    assert not well and 'and this package is 9' in output and 'make lib' in output


def test_modules_of_an_earlier_build_are_not_carried(copy):
    stale = copy.mkdir('out').mkdir('mcl').join('stale.py')
    stale.write('')
    other = copy.join('out', 'other.py')
    other.write('')
    well, output = build(copy)
    assert well, output
    assert not stale.check() and other.check()
    assert copy.join('out', 'mcl', 'codec.py').check()


def test_outside_a_source_tree_it_says_what_to_do(tree, tmpdir):
    shutil.copytree(str(tree.join('bindings', 'python')), str(tmpdir.join('alone')))
    process = subprocess.Popen(
        [sys.executable, 'setup.py', '-q', 'build_py', '-d', str(tmpdir.join('out'))],
        cwd=str(tmpdir.join('alone')),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=PACKAGES, PWD=str(tmpdir)),
    )
    output = process.communicate()[0]
    assert process.returncode != 0 and 'MCL_LIBRARY' in output and 'source tree' in output
