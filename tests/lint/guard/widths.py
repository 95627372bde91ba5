"""Checks lengths: lines of docs and protos, and test names."""
import re

from passages import markdown_code_lines, test_names

MAX_LINE = 100
MAX_TEST_NAME = 60


def long_lines(path, text):
    """Yields (line, words, fix) for each line of a doc or a proto that is too long.

    Code blocks, tables and lines that cannot be broken (a long URL) are exempt.
    """
    if not path.endswith(('.md', '.proto')):
        return
    lines = text.split('\n')
    is_code = markdown_code_lines(lines) if path.endswith('.md') else [False] * len(lines)
    for number, (line, code) in enumerate(zip(lines, is_code), 1):
        if len(line) <= MAX_LINE or code or path.endswith('.md') and line.lstrip().startswith('|'):
            continue
        words = line.split()
        marker = len(words) > 1 and re.fullmatch(r'//|[*+-]|\d+\.|#+|>', words[0])
        if len(words) > (2 if marker else 1):
            yield number, f'{len(line)} characters', f'wrap at {MAX_LINE} columns'


def long_test_names(path, text):
    """Yields (line, words, fix) for each test whose name is too long."""
    for name, line in test_names(path, text):
        if len(name) > MAX_TEST_NAME:
            yield line, name, f'{len(name)} characters; at most {MAX_TEST_NAME}, aim for 45'
