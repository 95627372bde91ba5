"""Checks that each test exists that a doc names in a code span, such as `SuiteTest.Name` or `SuiteTest.*`.

SECURITY.md names the test that proves each of its claims; a renamed test must not leave it behind.
"""
import re

_TEST = re.compile(r'\b(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+)\s*,\s*(\w+)\s*\)')
_SPAN = re.compile(r'`[^`]+`')
_REFERENCE = re.compile(r'\b([A-Z]\w*Test)\.([\w*]+)')


def check(files):
    """Yields (path, line, words, fix) for each name without a test; `files` maps paths to texts."""
    tests = {f'{suite}.{name}' for path, text in files.items() if path.endswith(('.cc', '.h'))
             for suite, name in _TEST.findall(text)}
    for path, text in files.items():
        if not path.endswith('.md'):
            continue
        for span in _SPAN.finditer(text):
            for reference in _REFERENCE.finditer(span[0]):
                pattern = re.compile(re.escape(reference[0]).replace(r'\*', r'\w*'))
                if not any(pattern.fullmatch(test) for test in tests):
                    line = text.count('\n', 0, span.start() + reference.start()) + 1
                    yield path, line, reference[0], 'no test has this name; follow its renaming'
