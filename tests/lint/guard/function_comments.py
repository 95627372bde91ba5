"""Checks that the comment of a public function begins with a third-person verb (rule 2)."""
import re

import cpp

FIX = 'begin the comment of a public function with a third-person verb: "Returns …" (rule 2)'

# Words that end in -s, open a comment, and are not verbs in the third person.
_NOT_VERBS = frozenset('''
    always as authorities bodies bus bytes callbacks callers class clients codes columns connections
    credentials deaths devices entries events fields files hours ids its items keys less lines members
    messages minutes numbers observers operators options organizations pairs parameters partners paths
    perhaps rows seconds secrets sessions settings status texts this threads times tokens unless us users
    values versions watchers whereas words yes'''.split())
# These may open a comment as well: they label a part of it, or refer to another comment.
_LABEL = re.compile(r'(?:Errors|Requires|Thread-safe|Not thread-safe|See|NOLINT\w*|clang-format|TODO)\b')
_FIRST_WORD = re.compile(r'(?:(?:Never|Always|Also|Only|[A-Z][a-z]+ly) )?([A-Za-z]+s)\b(?![\'-])')


def begins_with_verb(comment):
    if _LABEL.match(comment):
        return True
    first = _FIRST_WORD.match(comment)
    return bool(first) and comment[0].isupper() and first[1].lower() not in _NOT_VERBS


def check(path, text):
    """Yields (line, words, fix) for each finding in the header called `path`."""
    if not path.endswith('.h') or path.startswith('tests/'):
        return
    lines = text.split('\n')
    for declaration in cpp.declarations(text):
        if declaration.kind != 'function' or not declaration.public or _is_constructor(declaration):
            continue
        index = text.count('\n', 0, declaration.offset)  # of the line of the declaration
        first = index
        while first > 0 and lines[first - 1].lstrip().startswith('//'):
            first -= 1
        if first < index:
            comment = lines[first].strip().lstrip('/ ')
            if not begins_with_verb(comment):
                yield first + 1, ' '.join(comment.split()[:4]), FIX


def _is_constructor(declaration):
    scope = declaration.scope
    return declaration.name.startswith('~') or bool(scope) and declaration.name == scope[-1]
