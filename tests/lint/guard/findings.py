"""The list of accepted findings: one line per file, `path rule=count rule=count`, sorted.

The list may only shrink, except that a line `# grown: RULE +COUNT REASON` allows the commit that
adds it to raise counts of the rule by COUNT in all. git merges the list line by line (`merge=union`
in .gitattributes); if a merge leaves two lines of one file, the lower counts apply.
"""
import collections
import re

PATH = 'tests/lint/findings.txt'
_GROWTH = re.compile(r'# grown: ([\w-]+) \+(\d+) \S.*')
_ENTRY = re.compile(r'(\S.*?)((?: [\w-]+=[0-9]{1,9})+)')


def malformed_lines(text):
    """Returns the number and the text of each line that is neither an entry nor a comment."""
    return [(number, line) for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.startswith('#') and not _ENTRY.fullmatch(line)]


def parse(text):
    """Returns the counts by path and rule. Skips malformed lines."""
    listed = {}
    for line in text.splitlines():
        entry = None if line.startswith('#') else _ENTRY.fullmatch(line)
        if not entry:
            continue
        path, counts = entry[1], entry[2].split()
        counts = {rule: int(count) for rule, _, count in (each.partition('=') for each in counts)}
        if path in listed:
            counts = {rule: min(n, listed[path][rule]) for rule, n in counts.items()
                      if rule in listed[path]}
        listed[path] = counts
    return listed


def growth_lines(text):
    """Returns the lines that allow growth, in their order."""
    return [line for line in text.splitlines() if _GROWTH.fullmatch(line)]


def render(listed, growth=()):
    lines = ['# Accepted findings of tests/lint/guard; CONTRIBUTING.md explains how to shrink this list.']
    lines += growth
    for path, counts in sorted(listed.items()):
        counts = [f'{rule}={count}' for rule, count in sorted(counts.items()) if count > 0]
        if counts:
            lines.append(' '.join([path] + counts))
    return '\n'.join(lines) + '\n'


def lowered(listed, counted, renames):
    """Returns the list with each count lowered to the number that was counted, and never raised.

    An entry moves with its file; `renames` maps new paths to old ones.
    """
    result = {}
    for path, counts in counted.items():
        old = listed.get(path) or listed.get(renames.get(path), {})
        result[path] = {rule: min(n, old[rule]) for rule, n in counts.items() if rule in old}
    return result


def differences(listed, counted):
    """Returns two lists of (path, rule, number listed, number counted): more than listed, and fewer."""
    more, fewer = [], []
    for path in sorted(set(listed) | set(counted)):
        before, now = listed.get(path, {}), counted.get(path, {})
        for rule in sorted(set(before) | set(now)):
            pair = before.get(rule, 0), now.get(rule, 0)
            if pair[1] > pair[0]:
                more.append((path, rule) + pair)
            elif pair[1] < pair[0]:
                fewer.append((path, rule) + pair)
    return more, fewer


def grown(listed, earlier, renames):
    """Returns (path, rule, growth) of each entry that is higher than in the list `earlier`."""
    result = []
    for path, counts in sorted(listed.items()):
        before = earlier.get(path) or earlier.get(renames.get(path), {})
        result += [(path, rule, n - before.get(rule, 0)) for rule, n in sorted(counts.items())
                   if n > before.get(rule, 0)]
    return result


def disallowed_growth(before, now, renames):
    """Returns the entries of grown() that no line added between the texts of two lists allows."""
    allowed = collections.Counter()
    for line in (collections.Counter(growth_lines(now)) - collections.Counter(growth_lines(before))).elements():
        rule, number = _GROWTH.fullmatch(line).groups()
        allowed[rule] += int(number)
    entries = grown(parse(now), parse(before), renames)
    total = collections.Counter()
    for _, rule, number in entries:
        total[rule] += number
    return [entry for entry in entries if total[entry[1]] > allowed[entry[1]]]


def is_taken_back(path, rule, growth, then, now, renames):
    """Returns whether the text `now` no longer has the growth of an entry that the text `then` shows.

    `renames` maps paths of that time to new paths.
    """
    path_now = renames.get(path, path)
    return parse(now).get(path_now, {}).get(rule, 0) <= parse(then)[path][rule] - growth


def is_rewritten(before, now):
    """Returns whether more than half of the text `before` is gone.

    Compares runs of three words, so that wrapping, indenting and moving text do not count.
    """
    old, new = _shingles(before), _shingles(now)
    kept = sum((old & new).values())
    return kept * 2 < sum(old.values())


def _shingles(text):
    words = text.split()
    return collections.Counter(zip(words, words[1:], words[2:]))
