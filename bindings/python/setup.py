"""Builds the package `mcl`, with the native library in it.

    pip install ./bindings/python       (from the top of the source tree)

The library is taken from, in this order: the file that MCL_LIBRARY names in the environment,
mcl/libmcl.so beside this file, build/libmcl.so of the source tree. In a source tree without it,
`make lib` builds it, which needs Go and a C compiler.
"""
import io
import os
import re
import shutil
import subprocess

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.install import install

try:
    from setuptools.command.bdist_wheel import bdist_wheel  # setuptools 70.1 and later
except ImportError:
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:
        bdist_wheel = None  # pip then installs without a wheel

HERE = os.path.dirname(os.path.abspath(__file__))


def source_tree():
    """Return the top of the source tree, or None.

    Before version 21.3, pip builds a copy of this folder in another place. The shell's folder is
    then the only trace of where it came from.
    """
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


def library():
    """Return the path of libmcl.so, building it where that is possible."""
    named = os.environ.get('MCL_LIBRARY')
    if named:
        return named
    beside = os.path.join(HERE, 'mcl', 'libmcl.so')
    if os.path.exists(beside):
        return beside
    tree = source_tree()
    if tree is None:
        raise SystemExit("libmcl.so is not there, and this is no source tree to build it in: run"
                         " pip at the top of the source tree, or name the file in MCL_LIBRARY")
    built = os.path.join(tree, 'build', 'libmcl.so')
    if not os.path.exists(built):
        try:
            subprocess.check_call(['make', 'lib'], cwd=tree)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit("libmcl.so cannot be built by `make lib` in %s (%s). It needs make, Go"
                             " and a C compiler; or name the file in MCL_LIBRARY" % (tree, error))
    return built


class BuildWithLibrary(build_py):
    """Adds the library to the package."""

    def run(self):
        build_py.run(self)
        self.mkpath(os.path.dirname(self._carried()))
        shutil.copyfile(os.path.realpath(library()), self._carried())

    def get_outputs(self, include_bytecode=1):
        return build_py.get_outputs(self, include_bytecode) + [self._carried()]

    def _carried(self):
        return os.path.join(self.build_lib, 'mcl', 'libmcl.so')


class PlatformDistribution(Distribution):
    """The package is for one platform, although it has no extension module."""

    def has_ext_modules(self):
        return True


class PlatformInstall(install):
    """Older versions of setuptools do not ask `has_ext_modules` where to install to."""

    def finalize_options(self):
        install.finalize_options(self)
        self.install_lib = self.install_platlib


commands = {'build_py': BuildWithLibrary, 'install': PlatformInstall}

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
    python_requires='>=2.7, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*, !=3.4.*, !=3.5.*',
    # 0.6.0 is the first with strict_map_key, 0.6.2 the last with compiled code for Python 2.7.
    install_requires=['msgpack>=0.6.0'],
    distclass=PlatformDistribution,
    cmdclass=commands,
    zip_safe=False,
)
