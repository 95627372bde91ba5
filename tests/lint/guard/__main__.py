"""Checks language, layers and names. Run it as `python3 tests/lint/guard [--with-tests]`.

--with-tests, the step of ./dev lint, runs the guard's own tests first.
"""
import collections
import os
import re
import sys
import unittest

import commits
import definitions
import function_comments
import layers
import passages
import references
import request_fields
import rules
import widths
from tree import Tree

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
GUARD = 'tests/lint/guard'
# Files that quote the constructions that the rules forbid.
EXEMPT = re.compile(rf'{GUARD}/(?:rules|commits|\w+_test)\.py')

Finding = collections.namedtuple('Finding', 'path line rule words fix')


def findings_of_files(files):
    """Returns the findings of the rules that look at one file."""
    result = []
    for path, text in files.items():
        if EXEMPT.fullmatch(path):
            continue
        for passage in passages.passages(path, text):
            result += [Finding(path, *found) for found in rules.check(passage)]
        for rule, check in (('function-comment', function_comments.check),
                            ('line-width', widths.long_lines),
                            ('test-name-length', widths.long_test_names)):
            result += [Finding(path, line, rule, words, fix) for line, words, fix in check(path, text)]
    return result


def findings_of_tree(files):
    """Returns the findings of the rules that compare files or their places."""
    result = [Finding(path, line, 'one-definition', words, fix)
              for path, line, words, fix in definitions.check(files)]
    result += [Finding(path, line, 'test-reference', words, fix)
               for path, line, words, fix in references.check(files)]
    result += [Finding(path, line, 'request-field', words, fix)
               for path, line, words, fix in request_fields.check(files)]
    for path, text in files.items():
        result += [Finding(path, line, 'layer', words, fix)
                   for line, words, fix in layers.check(path, text)]
    return result


def show(finding):
    print(f'{finding.path}:{finding.line}: {finding.rule}: "{finding.words}": {finding.fix}')


def check_subjects(tree):
    """Prints each finding in the subject of a commit, and returns whether there is one."""
    base = tree.added_in(f'{GUARD}/__main__.py')
    if base is None:
        print('guard: NOT CHECKED: commit subjects. This clone does not contain the history since the commit '
              'that added the guard; to check them, run `git fetch --unshallow`')
        return False
    failed = False
    for commit, subject in tree.subjects_since(base):
        for words, fix in commits.check(subject):
            failed = True
            print(f'commit {commit} "{subject}": {words}: {fix}')
    return failed


def main(arguments):
    if arguments not in ([], ['--with-tests']):
        sys.exit(__doc__)
    if arguments:
        tests = unittest.defaultTestLoader.discover(os.path.dirname(os.path.abspath(__file__)), '*_test.py')
        if not unittest.TextTestRunner(verbosity=0).run(tests).wasSuccessful():
            sys.exit(1)
    tree = Tree(ROOT)
    files = tree.files()
    for name in tree.unreadable_names:
        print(f'{name}: the name is not printable UTF-8; rename the file')
    found = sorted(findings_of_files(files) + findings_of_tree(files))
    for finding in found:
        show(finding)
    bad_subjects = check_subjects(tree)
    print(f'guard: {len(files)} files, {len(found)} findings')
    if tree.unreadable_names or found or bad_subjects:
        sys.exit('guard: failed; the rules are in CONTRIBUTING.md')


main(sys.argv[1:])
