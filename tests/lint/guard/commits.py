"""Checks the subjects of commits: `area: imperative summary`, at most 72 characters."""
import re

import rules
from passages import PROSE, Passage

MAX_SUBJECT = 72
# Subjects with a finding that reached the main branch by mistake. The branch is never rewritten.
PUBLISHED = frozenset({
    'docs: say which JSON code may hold a secret',
    'session: tell rules which candidates enter and leave the queue',
})

_SHAPE = re.compile(r'[A-Za-z0-9_./+-]+(?:, ?[A-Za-z0-9_./+-]+)*: (\S+)')
_GENERATED = re.compile(r'(?:Merge|Revert|fixup!|squash!) ?')
_ENDINGS = re.compile(r'(?<!s)s$|ed$|ing$')
_IMPERATIVES = frozenset('''alias bias bring canvas embed exceed feed focus fling need ping proceed process
    seed shed speed spring string succeed sing'''.split())
_NOT_VERBS = frozenset('''a after all an and another any as at before both by each every for from how if in
    it its more neither no nobody none nor not nothing of on one or our some that the their there these they
    this those to two three until what whatever when where which while who whoever whom whose why with
    without'''.split())


def check(subject):
    """Yields (words, fix) for each finding in a subject."""
    if _GENERATED.match(subject) or subject in PUBLISHED:
        return
    if len(subject) > MAX_SUBJECT:
        yield f'{len(subject)} characters', f'at most {MAX_SUBJECT}'
    shape = _SHAPE.match(subject)
    if not shape:
        yield subject, 'write "area: imperative summary"'
        return
    first = shape[1].lower().rstrip(',;:')
    if first in _NOT_VERBS or _ENDINGS.search(first) and first not in _IMPERATIVES:
        yield shape[1], 'begin the summary with a verb in the imperative: "add", "fix"'
    for _, _, words, fix in rules.check(Passage(PROSE, subject, [0], [1])):
        yield words, fix
