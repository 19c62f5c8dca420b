"""The package has all of the legacy API, which legacy_api.txt holds; what else it has, MIGRATING.md
lists: each public name, with its arguments and defaults.
"""

import importlib
import inspect
import io
import os
import pkgutil
import re

import pytest

import mcl
from test_migrating import GUIDE

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'legacy_api.txt')

# Members that begin with an underscore are of the legacy API where its list has them.
LINE = re.compile(
    r'( *)([\w.]+)(?:\((.*?)\)(?=  |$)| = (.*?))?(?:  as ([\w.]+))?(?:  has ([\w.]+))?$'
)


class Entry(object):
    """A name, and what it is: its arguments as text, or the text of its value, or neither."""

    def __init__(self, arguments=None, value=None):
        self.arguments, self.value = arguments, value

    def shown(self, name):
        """Return how the guide has it."""
        return name if self.arguments is None else '%s(%s)' % (name, self.arguments)


def legacy():
    """Return the list: {'mcl.network.udp.RawListener.close': Entry}."""
    entries, places = {}, []
    with io.open(LIST, encoding='utf-8') as file:
        lines = [line for line in file.read().splitlines() if line and not line.startswith('#')]
    for line in lines:
        indent, name, arguments, value, alias, base = LINE.match(line).groups()
        places[len(indent) // 2:] = [str(name)]
        if not indent:
            continue
        path = '.'.join(places)
        entries[path] = Entry(arguments, value)
        if alias:
            entries[str(alias)] = entries[path]
        if base:
            inherited = [(other[len(base):], entry) for other, entry in entries.items()
                         if other.startswith(base + '.')]
            entries.update((path + rest, entry) for rest, entry in inherited)
    return entries


def arguments_of(function):
    """Return the arguments of a function, after self, as text."""
    describe = getattr(inspect, 'getfullargspec', None) or inspect.getargspec
    described = describe(function)
    names, defaults = described[0], described[3] or ()
    required = len(names) - len(defaults)
    given = names[:required] + ['%s=%r' % pair for pair in zip(names[required:], defaults)]
    bound = inspect.ismethod(function) or names[:1] in (['self'], ['cls'])
    given = given[1:] if bound else given
    given += ['*' + described[1]] if described[1] else []
    given += ['**' + described[2]] if described[2] else []
    return ', '.join(given)


def entry_of(value):
    if not callable(value):
        return Entry(value=repr(value))
    if not isinstance(value, type):
        return Entry(arguments_of(value))
    if issubclass(value, Exception):
        return Entry()
    for cls in value.__mro__:
        for name in ('__init__', '__new__'):
            if name in vars(cls) and cls.__module__.startswith('mcl'):
                return Entry(arguments_of(vars(cls)[name] if name == '__init__'
                                          else vars(cls)[name].__func__))
    return Entry('')


def members_of(cls):
    """Return what a class of the package has, but for what any object, dict, or error has."""
    members = {}
    for base in reversed([base for base in cls.__mro__ if base.__module__.startswith('mcl')]):
        for name, value in vars(base).items():
            if not (name.startswith('__') and name != '__trigger__'):
                function = getattr(value, '__func__', value)
                members[name] = Entry(arguments_of(function) if inspect.isfunction(function)
                                      else None)
    return members


def public_modules():
    """Return the paths of the modules that programs import from."""
    return [path for _, path, is_package in pkgutil.walk_packages(mcl.__path__, 'mcl.')
            if not is_package and not any(part.startswith('_') for part in path.split('.'))]


def package():
    """Return what the package has, as `legacy` does."""
    entries = {}
    for path in public_modules():
        module = importlib.import_module(path)
        for name in module.__all__ + [n for n in ('_MESSAGES',) if hasattr(module, n)]:
            value = getattr(module, name)
            entries['%s.%s' % (path, name)] = entry_of(value)
            for member, entry in members_of(value).items() if isinstance(value, type) else ():
                entries['%s.%s.%s' % (path, name, member)] = entry
    for name in mcl.__all__:
        entries['mcl.' + name] = entry_of(getattr(mcl, name))
    return entries


LEGACY, PACKAGE = legacy(), package()


def additions():
    """Return what the package has beyond the legacy API: {(of what, what, as the guide has it)}."""
    found = set()
    for path, entry in PACKAGE.items():
        owner, name = path.rsplit('.', 1)
        if owner == 'mcl' and path in LEGACY:
            continue  # the same as in its module
        if path not in LEGACY:
            if not name.startswith('_') or name == '__version__':
                found.add((owner, entry.shown(name)))
        elif LEGACY[path].arguments is not None and entry.arguments is not None:
            old = LEGACY[path].arguments
            if entry.arguments.startswith(old):
                more = entry.arguments[len(old):].strip(', ')
                found.update((path, argument) for argument in more.split(', ') if argument)
    return found


def rows():
    """Return the rows of the guide's table of what is new: for each, the code in both cells."""
    with io.open(GUIDE, encoding='utf-8') as file:
        section = file.read().split("\n## What is new\n")[1].split("\n## ")[0]
    cells = [line.strip('|').split('|') for line in section.splitlines() if line.startswith('| `')]
    return [[set(map(str, re.findall('`(.+?)`', cell))) for cell in row[:2]] for row in cells]


def is_listed(owner, new, table):
    return any(new in news and any(owner == of or owner.endswith('.' + of) for of in owners)
               for owners, news in table)


@pytest.mark.parametrize('path', sorted(LEGACY))
def test_the_legacy_api_is_there(path):
    assert path in PACKAGE, "it is missing"
    old, new = LEGACY[path], PACKAGE[path]
    if old.value is not None:
        assert new.value == old.value
    elif old.arguments is None:
        assert new.arguments is None, "an attribute has become a method"
    else:
        assert new.arguments is not None, "a method has become an attribute"
        # Further arguments come behind: the guide lists them.
        assert (new.arguments + ', ').startswith(old.arguments + ', ' * bool(old.arguments))


def test_the_guide_lists_all_that_is_new():
    table = rows()
    missing = sorted(each for each in additions() if not is_listed(each[0], each[1], table))
    assert not missing, "MIGRATING.md, 'What is new', lacks these"


def test_the_guide_lists_nothing_else():
    new = additions()
    for owners, news in rows():
        for thing in news:
            assert any(is_listed(owner, added, [[owners, {thing}]]) for owner, added in new), thing
        for of in owners:
            assert any(is_listed(owner, added, [[{of}, news]]) for owner, added in new), of


@pytest.mark.parametrize('path', sorted(path for path in LEGACY if path.count('.') == 1))
def test_the_package_has_the_names_of_its_modules(path):
    if path == 'mcl.MCL_ROOT':
        return
    name = path.split('.')[1]
    (origin,) = [other for other in LEGACY if other.endswith('.' + name) and other != path
                 and LEGACY[other] is LEGACY[path]]
    module = importlib.import_module(origin.rsplit('.', 1)[0])
    assert getattr(mcl, name) is getattr(module, name) and name in mcl.__all__
