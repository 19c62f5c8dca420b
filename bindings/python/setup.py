"""Builds the package `mcl`, with the native library in it.

    pip install ./bindings/python       (from the top of the source tree)

The library is taken from, in this order: the file that MCL_LIBRARY names in the environment,
mcl/libmcl.so beside this file, build/libmcl.so of the source tree. In a source tree, `make lib`
brings it up to date first where there are make and Go. It must load, and be of this version.

A source distribution (sdist) carries the library's sources in native/, and is built from them.
"""
import io
import os
import re
import shutil
import subprocess
import sys

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.install import install
from setuptools.command.sdist import sdist

try:
    from setuptools.command.bdist_wheel import bdist_wheel  # setuptools 70.1 and later
except ImportError:
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:
        bdist_wheel = None  # pip then installs without a wheel

HERE = os.path.dirname(os.path.abspath(__file__))
NATIVE = os.path.join(HERE, 'native')
# What `make lib` needs.
SOURCES = ['LICENSE', 'Makefile', 'go.mod', 'go.sum', 'capi', 'core', 'include',
           os.path.join('tools', 'go'), os.path.join('tools', 'overlay')]


def source_tree():
    """Return the top of the source tree, or native/ of a source distribution, or None.

    Before version 21.3, pip builds a copy of this folder in another place. The shell's folder is
    then the only trace of where it came from.
    """
    if os.path.exists(NATIVE):
        return NATIVE
    places = [HERE]
    if os.environ.get('PWD'):
        places.append(os.path.abspath(os.environ['PWD']))
    for place in places:
        while True:
            if (os.path.exists(os.path.join(place, 'include', 'mcl.h'))
                    and os.path.exists(os.path.join(place, 'bindings', 'python', 'setup.py'))):
                return place
            if place == os.path.dirname(place):
                break
            place = os.path.dirname(place)
    return None


# Prints a library's version. Run by another process: it may be anything, and crash.
ASK_VERSION = """
import ctypes, sys
function = ctypes.CDLL(sys.argv[1]).mcl_version
function.restype = ctypes.c_char_p
print(function().decode('ascii'))
"""


def library():
    """Return the path of libmcl.so, building it where that is possible."""
    beside = os.path.join(HERE, 'mcl', 'libmcl.so')
    if os.environ.get('MCL_LIBRARY'):
        path = os.path.abspath(os.environ['MCL_LIBRARY'])
    elif os.path.exists(beside):
        path = beside
    else:
        tree = source_tree()
        if tree is None:
            raise SystemExit("libmcl.so is not there, and this is no source tree to build it in:"
                             " run pip at the top of the source tree, or name the file in"
                             " MCL_LIBRARY")
        path = built_library(tree)
    check_library(path)
    return path


def built_library(tree):
    """Return the path of the source tree's libmcl.so, after bringing it up to date if possible."""
    built = os.path.join(tree, 'build', 'libmcl.so')
    can_build = (os.path.exists(os.path.join(tree, 'Makefile')) and on_path('make')
                 and on_path(os.environ.get('GO') or 'go'))
    if can_build or not os.path.exists(built):
        try:
            subprocess.check_call(['make', 'lib'], cwd=tree)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit("libmcl.so cannot be built by `make lib` in %s (%s). It needs make, Go"
                             " and a C compiler; or name the file in MCL_LIBRARY" % (tree, error))
    return built


def on_path(program):
    """Is there a program of this name? (Python 2 has no shutil.which.)"""
    return any(os.access(os.path.join(folder, program), os.X_OK)
               for folder in os.environ.get('PATH', '').split(os.pathsep))


def check_library(path):
    """Stop the build unless the file is a libmcl.so that loads here and is of this version."""
    process = subprocess.Popen([sys.executable, '-c', ASK_VERSION, path], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True)
    output, errors = process.communicate()
    if process.returncode:
        raise SystemExit("%s is no libmcl that can be loaded here: %s" % (
            path, errors.strip().split('\n')[-1] or "status %d" % process.returncode))
    if output.strip() != version():
        raise SystemExit("%s is libmcl %s, and this package is %s: build it anew by `make lib`, or"
                         " name another in MCL_LIBRARY" % (path, output.strip(), version()))


class BuildWithLibrary(build_py):
    """Adds the library to the package."""

    def run(self):
        native = os.path.realpath(library())  # first: nothing is copied where it cannot be built
        # Of an earlier build, which may hold modules that are no more.
        if os.path.realpath(self.build_lib) != os.path.realpath(HERE):
            shutil.rmtree(os.path.dirname(self._carried()), ignore_errors=True)
        build_py.run(self)
        self.mkpath(os.path.dirname(self._carried()))
        shutil.copyfile(native, self._carried())

    def get_outputs(self, include_bytecode=1):
        return build_py.get_outputs(self, include_bytecode) + [self._carried()]

    def _carried(self):
        return os.path.join(self.build_lib, 'mcl', 'libmcl.so')


class SourcesWithNative(sdist):
    """Adds the library's sources: an unpacked distribution lies in no source tree."""

    def make_release_tree(self, base_dir, files):
        tree = source_tree()
        if tree is None:
            raise SystemExit("the sources of libmcl.so are not there: make the source distribution"
                             " of a whole source tree")
        sdist.make_release_tree(self, base_dir, files)
        for source in SOURCES:
            for path in files_below(os.path.join(tree, source)):
                target = os.path.join(base_dir, 'native', os.path.relpath(path, tree))
                self.mkpath(os.path.dirname(target))
                self.copy_file(path, target)


def files_below(path):
    """Return this file, or the files in this folder; no tests, and what they read."""
    if os.path.isfile(path):
        return [path]
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names
            if not name.endswith('_test.go') and 'testdata' not in folder.split(os.sep)]


class PlatformDistribution(Distribution):
    """The package is for one platform, although it has no extension module."""

    def has_ext_modules(self):
        return True


class PlatformInstall(install):
    """Older versions of setuptools do not ask `has_ext_modules` where to install to."""

    def finalize_options(self):
        install.finalize_options(self)
        self.install_lib = self.install_platlib


commands = {'build_py': BuildWithLibrary, 'install': PlatformInstall, 'sdist': SourcesWithNative}

if bdist_wheel is not None:
    class PlatformWheel(bdist_wheel):
        """One wheel serves every Python, since ctypes loads the library."""

        def get_tag(self):
            return ('py2.py3', 'none') + bdist_wheel.get_tag(self)[2:]

    commands['bdist_wheel'] = PlatformWheel


def version():
    """Return the version, which is written in mcl.h and generated from there."""
    with io.open(os.path.join(HERE, 'mcl', '_constants.py'), encoding='utf-8') as constants:
        return re.search(r'^MCL_VERSION = "(.+)"$', constants.read(), re.MULTILINE).group(1)


setup(
    name='mcl',
    version=version(),
    description="Messages over IPv6 UDP multicast, without a broker",
    packages=find_packages(include=['mcl', 'mcl.*']),
    package_data={'': ['*.pyi', 'py.typed']},
    python_requires='>=2.7, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*, !=3.4.*, !=3.5.*',
    # 0.6.0 is the first with strict_map_key, 0.6.2 the last with compiled code for Python 2.7.
    install_requires=['msgpack>=0.6.0'],
    distclass=PlatformDistribution,
    cmdclass=commands,
    zip_safe=False,
)
