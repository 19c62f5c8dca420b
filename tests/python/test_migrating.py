"""MIGRATING.md: its examples are run, in their order, as one program of each version of Python."""

import io
import os
import re
import sys

import pytest

from helpers import PY2, ROOT, run_python

BINDING = os.path.join(ROOT, 'bindings', 'python')
GUIDE = os.path.join(BINDING, 'MIGRATING.md')
VERSION = "# Python %d\n" % sys.version_info[0]
OTHER = "# Python %d\n" % (3 if PY2 else 2)
FENCED = re.compile(r'^( *)```(\w+)\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)

# Of a program that is given the examples' text by its standard input.
RUN = r"""
# encoding: utf-8
import doctest, io, sys
guide = io.open(sys.argv[1], encoding='utf-8').read()
if sys.version_info[0] == 2:
    guide = guide.encode('utf-8')
test = doctest.DocTestParser().get_doctest(guide, {}, 'MIGRATING.md', sys.argv[1], 0)
results = doctest.DocTestRunner(verbose=False).run(test)
print("%d examples" % results.attempted)
sys.exit(bool(results.failed))
"""


def blocks(language):
    """The blocks of a language that are for this version, without their indentation."""
    with io.open(GUIDE, encoding='utf-8') as file:
        text = file.read()
    found = [re.sub('(?m)^' + indent, '', code)
             for indent, kind, code in FENCED.findall(text) if kind == language]
    assert found, "there are none"
    return [code for code in found if not code.startswith(OTHER)]


def is_session(code):
    return '>>> ' in code


def test_examples(tmpdir):
    sessions = [code for code in blocks('python') if is_session(code)]
    tmpdir.join('examples').write_text(u'\n'.join(sessions), encoding='utf-8')
    path = os.pathsep.join([os.environ['PYTHONPATH'],
                            os.path.join(ROOT, 'tests', 'python', 'legacy')])
    output = run_python(RUN, str(tmpdir.join('examples')), cwd=str(tmpdir),
                        env={'PYTHONPATH': path, 'PYTHONIOENCODING': 'utf-8'})
    assert int(output.split()[0]) == sum(code.count('>>> ') for code in sessions) > 20


def test_programs(tmpdir):
    programs = [code for code in blocks('python') if not is_session(code)]
    assert len(programs) == 1 and programs[0].startswith(VERSION)
    (expected,) = blocks('text')
    assert run_python(programs[0]) == expected


def test_commands():
    """Those of pip are run by test_wheel.py."""
    commands = [line for code in blocks('sh') for line in code.splitlines()]
    (check,) = [line for line in commands if ' -c ' in line]
    assert re.match(r'\d+\.\d+', run_python(re.search('-c "(.*)"$', check).group(1)))
    for line in commands:
        if ' pip install ' in line:
            assert line.endswith(' ./bindings/python')


@pytest.mark.parametrize('folder', [ROOT, BINDING])
def test_it_can_be_found(folder):
    reader = os.path.join(folder, 'README.md')
    with io.open(reader, encoding='utf-8') as file:
        links = re.findall(r'\]\(([^)]*MIGRATING\.md)\)', file.read())
    assert links
    for link in links:
        assert os.path.samefile(os.path.join(folder, link), GUIDE)
