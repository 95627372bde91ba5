"""Checks language, layers and names. Run it as `python3 tests/lint/guard [option]`.

  (no option)          fails on findings that are not on the list
  --with-tests         runs the guard's own tests first; the step of ./dev lint
  --update-findings    lowers the counts on the list to the present ones; never raises one
  --list [PATH ...]    prints the findings that are on the list, of all files or of these
  --record-findings RULE REASON...
                       raises the counts of a rule that this commit adds or changes, and notes the reason
"""
import collections
import os
import re
import sys
import unittest

import commits
import definitions
import findings
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
UPDATE = f'python3 {GUARD} --update-findings'
# Files that quote the constructions that the rules forbid.
EXEMPT = re.compile(rf'{GUARD}/(?:rules|commits|\w+_test)\.py')

Finding = collections.namedtuple('Finding', 'path line rule words fix')


def listed_findings(files):
    """Returns the findings of the rules that the list may hold."""
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
    return sorted(result)


def strict_findings(files):
    """Returns the findings of the rules that no list excuses."""
    result = [Finding(path, line, 'one-definition', words, fix)
              for path, line, words, fix in definitions.check(files)]
    result += [Finding(path, line, 'test-reference', words, fix)
               for path, line, words, fix in references.check(files)]
    result += [Finding(path, line, 'request-field', words, fix)
               for path, line, words, fix in request_fields.check(files)]
    for path, text in files.items():
        result += [Finding(path, line, 'layer', words, fix)
                   for line, words, fix in layers.check(path, text)]
    return sorted(result)


def count(found):
    """Returns the number of findings by path and rule."""
    counted = collections.defaultdict(collections.Counter)
    for finding in found:
        counted[finding.path][finding.rule] += 1
    return counted


def show(finding):
    print(f'{finding.path}:{finding.line}: {finding.rule}: "{finding.words}": {finding.fix}')


class Report:
    def __init__(self):
        self.failed = False

    def fail(self, message):
        self.failed = True
        print(message)


def compare_with_list(report, found, listed):
    more, fewer = findings.differences(listed, count(found))
    for path, rule, allowed, number in more:
        report.fail(f'{path}: {number} findings of {rule}, {allowed} on the list:')
        for finding in found:
            if (finding.path, finding.rule) == (path, rule):
                show(finding)
    if fewer:
        for path, rule, allowed, number in fewer:
            print(f'{path}: {number} findings of {rule}, {allowed} on the list')
        report.fail(f'The list is out of date. Run `{UPDATE}` and commit {findings.PATH}.')


def compare_with_history(report, tree, files, listed):
    """Checks that the list did not grow, rewritten files are off it, and subjects keep the rules."""
    base = tree.added_in(findings.PATH)
    if base is None:
        print(f'guard: NOT CHECKED: commit subjects, rewritten files, and whether {findings.PATH} grew. '
              'This clone does not contain the history since the commit that added the list; '
              'to check them, run `git fetch --unshallow`')
        return
    renames = tree.renames_since(base)
    old_path = {path: renames.get(path, path) for path in listed}
    before = tree.texts_at(base, sorted(set(old_path.values())))
    for path, old in old_path.items():
        if path in files and old in before and findings.is_rewritten(before[old], files[path]):
            report.fail(f'{path} is rewritten by more than half: fix its findings '
                        f'(`python3 {GUARD} --list {path}`) and run `{UPDATE}`')
    check_growth(report, tree, base, files.get(findings.PATH, ''))
    for commit, subject in tree.subjects_since(base):
        for words, fix in commits.check(subject):
            report.fail(f'commit {commit} "{subject}": {words}: {fix}')


def check_growth(report, tree, base, present):
    """Checks each change of the list since the commit `base`, and the change that is not committed."""
    before, before_text = base, tree.text_at(base, findings.PATH) or ''
    for commit in tree.changes_since(base, findings.PATH) + [None]:
        text = present if commit is None else tree.text_at(commit, findings.PATH) or ''
        if commit is not None and findings.malformed_lines(text):
            continue  # nobody can fix a commit; its successor is compared with the list before it
        if findings.disallowed_growth(before_text, text, {}):
            renames = tree.renames_since(*filter(None, (before, commit)))
            new_path = {old: new for new, old in tree.renames_since(commit).items()} if commit else {}
            for path, rule, growth in findings.disallowed_growth(before_text, text, renames):
                if commit and findings.is_taken_back(path, rule, growth, text, present, new_path):
                    continue  # nobody can fix a commit, and a later one did
                report.fail(f'{findings.PATH}: {path} {rule} is higher by {growth} than in {before[:10]}'
                            f'{f", since {commit[:10]}" if commit else ""}; the list may only shrink')
        before, before_text = commit or before, text


def recorded(listed, found, text, arguments):
    """Returns the new text of the list for --record-findings; without a list, that of all findings."""
    counted = count(found)
    if not text:
        return findings.render(counted)
    if len(arguments) < 2:
        sys.exit('guard: --record-findings needs a rule and a reason')
    rule, reason = arguments[0], ' '.join(arguments[1:])
    growth, number = findings.growth_lines(text), 0
    result = {path: dict(counts) for path, counts in listed.items()}
    for path, counts in counted.items():
        entry = result.setdefault(path, {})
        number += max(0, counts[rule] - entry.get(rule, 0))
        entry[rule] = counts[rule]
    if number > 0:
        growth.append(f'# grown: {rule} +{number} {reason}')
    return findings.render(result, growth)


def require_valid_list(text):
    """Exits with the malformed lines of the list, if there are any."""
    lines = findings.malformed_lines(text)
    for number, line in lines:
        print(f'{findings.PATH}:{number}: {ascii(line[:80])} is not a valid entry; '
              'write `PATH RULE=COUNT RULE=COUNT`, or remove the line')
    if lines:
        sys.exit(f'guard: failed; after the fix run `{UPDATE}`')


def main(arguments):
    option = arguments[0] if arguments else ''
    if option not in ('', '--with-tests', '--update-findings', '--record-findings', '--list'):
        sys.exit(__doc__)
    if option == '--with-tests':
        tests = unittest.defaultTestLoader.discover(os.path.dirname(os.path.abspath(__file__)), '*_test.py')
        if not unittest.TextTestRunner(verbosity=0).run(tests).wasSuccessful():
            sys.exit(1)
    tree = Tree(ROOT)
    files = tree.files()
    require_valid_list(files.get(findings.PATH, ''))
    listed = findings.parse(files.get(findings.PATH, ''))
    found = listed_findings(files)
    if option == '--list':
        for finding in found:
            if len(arguments) == 1 or finding.path.startswith(tuple(arguments[1:])):
                show(finding)
        return
    if option.endswith('-findings'):
        text = files.get(findings.PATH, '')
        if option == '--update-findings':
            base = tree.added_in(findings.PATH)
            if base is None:
                print('guard: entries of renamed files are dropped, because this clone does not contain '
                      'the history of the list; run `git fetch --unshallow` first')
            counted = findings.lowered(listed, count(found), tree.renames_since(base) if base else {})
            new_text = findings.render(counted, findings.growth_lines(text))
        else:
            new_text = recorded(listed, found, text, arguments[1:])
        with open(os.path.join(ROOT, findings.PATH), 'w', encoding='utf-8') as file:
            file.write(new_text)
        return
    report = Report()
    for name in tree.unreadable_names:
        report.fail(f'{name}: the name is not printable UTF-8; rename the file')
    for finding in strict_findings(files):
        report.failed = True
        show(finding)
    compare_with_list(report, found, listed)
    compare_with_history(report, tree, files, listed)
    totals = collections.Counter(finding.rule for finding in found)
    print(f'guard: {len(files)} files, {len(found)} findings left on the list '
          f'({", ".join(f"{rule} {n}" for rule, n in totals.most_common())})')
    if report.failed:
        sys.exit('guard: failed; the rules are in CONTRIBUTING.md')


main(sys.argv[1:])
