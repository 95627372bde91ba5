"""Extracts from a file the text that people read: comments, messages, prose and test names.

A Passage is one run of such text (a comment block, a paragraph, a string literal) on one line, with
the line number of each of its parts. Text in `code spans` and "quotes" is replaced by the word Xx,
because the language rules do not apply to it.
"""
import bisect
import dataclasses
import re

COMMENT, MESSAGE, PROSE, HEADING, TEST_NAME = 'comment', 'message', 'prose', 'heading', 'test name'


@dataclasses.dataclass
class Passage:
    kind: str
    text: str
    starts: list  # offset in `text` at which each part begins
    lines: list  # line number of each part

    def line_at(self, offset):
        return self.lines[max(0, bisect.bisect_right(self.starts, offset) - 1)]


def _passage(kind, parts):
    """Joins `parts`, pairs of line number and text, with single spaces."""
    text, starts, lines = '', [], []
    for line, part in parts:
        part = ' '.join(part.split())
        if not part:
            continue
        text += ' ' if text else ''
        starts.append(len(text))
        lines.append(line)
        text += part
    return Passage(kind, text, starts, lines)


_CODE_SPAN = re.compile(r'(`+)(?!`).*?(?<!`)\1(?!`)')
_LINK_TARGET = re.compile(r'\]\([^)\s]*\)')
_QUOTE = re.compile(r'"[^"]*"|“[^”]*”|(?<!\w)\'[^\' ][^\']*\'(?!\w)')
_URL = re.compile(r'https?://\S+')


def hide_code(text):
    """Replaces code spans, URLs and quotations by Xx, padded so that offsets stay the same."""

    def cover(match):
        width = match.end() - match.start()
        return 'Xx'[:width].ljust(width, 'x')

    text = _LINK_TARGET.sub(lambda m: ']' + ' ' * (len(m[0]) - 1), text)
    for pattern in (_CODE_SPAN, _URL, _QUOTE):
        text = pattern.sub(cover, text)
    return text


# --- C++, proto, shell, CMake, Python and configuration: comments and string literals ---

_CPP = re.compile(
    r'''(?P<digits>\d'(?=\d))
      | (?P<line>//[^\n]*)
      | /\*(?P<block>.*?)\*/
      | R"(?P<fence>\w*)\((?P<raw>.*?)\)(?P=fence)"
      | "(?P<string>(?:\\.|[^"\\\n])*)"
      | '(?:\\.|[^'\\\n])*'
    ''', re.S | re.X)
_HASH = re.compile(
    r'''(?P<line>(?:(?<=\s)|(?<=^)|(?<=;))\#[^\n]*)
      | "(?P<string>(?:\\.|[^"\\])*)"
      | '(?P<single>[^'\n]*)'
      | \\.
    ''', re.S | re.X | re.M)
_PYTHON = re.compile(
    r'''(?P<line>\#[^\n]*)
      | (?P<three>"""|\'\'\')(?P<doc>.*?)(?P=three)
      | "(?P<string>(?:\\.|[^"\\\n])*)"
      | '(?P<single>(?:\\.|[^'\\\n])*)'
    ''', re.S | re.X)
_WORD = re.compile(r'[A-Za-z]{2,}')
_ESCAPE = re.compile(r'\\(.)', re.S)


def _is_message(text):
    return ' ' in text and len(_WORD.findall(text)) >= 3 and text.lstrip()[:1] not in '{[<'


class _Collector:
    """Joins full-line comments on successive lines, and string literals that C++ concatenates."""

    def __init__(self, text):
        self.text = text
        self.newlines = [m.start() for m in re.finditer('\n', text)]
        self.passages = []
        self.block = []  # the lines of the comment block under way
        self.literals = []  # the string literals under way
        self.literals_end = 0

    def line_of(self, offset):
        return bisect.bisect_left(self.newlines, offset) + 1

    def flush_block(self):
        paragraph = []
        for line, text in self.block + [(0, '')]:
            if text.strip():
                paragraph.append((line, text))
            elif paragraph:
                self.passages.append(_passage(COMMENT, paragraph))
                paragraph = []
        self.block = []

    def flush_literals(self):
        joined = ''.join(text for _, text in self.literals)
        if _is_message(joined):
            passage = Passage(MESSAGE, '', [], [])
            for line, text in self.literals:  # without the spaces of _passage()
                passage.starts.append(len(passage.text))
                passage.lines.append(line)
                passage.text += text
            self.passages.append(passage)
        self.literals = []

    def add_comment_line(self, offset, text):
        line = self.line_of(offset)
        before = self.text[self.text.rfind('\n', 0, offset) + 1:offset]
        if before.strip():  # a comment behind code stands alone
            self.flush_block()
            self.passages.append(_passage(COMMENT, [(line, text)]))
            return
        if self.block and self.block[-1][0] != line - 1:
            self.flush_block()
        self.block.append((line, text))

    def add_comment_block(self, offset, text):
        self.flush_block()
        line = self.line_of(offset)
        self.block = [(line + i, part.strip().lstrip('*'))
                      for i, part in enumerate(text.split('\n'))]
        self.flush_block()

    def add_literal(self, begin, end, text):
        if self.literals and self.text[self.literals_end:begin].strip():
            self.flush_literals()
        text = _ESCAPE.sub(lambda m: {'n': ' ', 't': ' '}.get(m[1], m[1]), text)
        self.literals.append((self.line_of(begin), text.replace('\n', ' ')))
        self.literals_end = end

    def finish(self):
        self.flush_block()
        self.flush_literals()
        return self.passages


def _from_code(text, pattern, concatenates):
    out = _Collector(text)
    for match in pattern.finditer(text):
        groups = match.groupdict()
        if groups.get('line') is not None:
            # '//', '///', '#' and '#!' are markers; the text follows.
            out.add_comment_line(match.start(), groups['line'].lstrip('/#!<'))
        elif groups.get('block') is not None or groups.get('doc') is not None:
            out.add_comment_block(match.start(), groups.get('block') or groups.get('doc') or '')
        else:
            literal = next((groups[k] for k in ('raw', 'string', 'single')
                            if groups.get(k) is not None), None)
            if literal is None:
                continue
            out.add_literal(match.start(), match.end(), literal)
            if not concatenates:
                out.flush_literals()
    return out.finish()


_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?[^\n]*\n(.*?)^\s*\1$", re.S | re.M)


def _from_shell(text):
    """As other code; the lines of a here-document are a message each."""
    passages = []

    def take(match):
        first = text.count('\n', 0, match.start(2)) + 1
        for i, line in enumerate(match[2].split('\n')):
            if _is_message(line):
                passages.append(_passage(MESSAGE, [(first + i, line)]))
        return re.sub(r'[^\n]', ' ', match[0])

    return _from_code(_HEREDOC.sub(take, text), _HASH, False) + passages


# --- Markdown ---

_FENCE = re.compile(r'\s*(```|~~~)')
_ITEM = re.compile(r'\s*(?:[*+-]|\d+[.)])\s+')


def markdown_code_lines(lines):
    """Returns for each line of `lines` whether it belongs to a code block."""
    inside, in_list, blank, result = None, False, True, []
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            inside = None if inside == fence[1] else inside or fence[1]
            result.append(True)
            continue
        if line.strip():
            in_list = bool(_ITEM.match(line)) or in_list and line[:1] in ' \t'
        indented = line.startswith('    ') and not in_list and (blank or result[-1])
        result.append(inside is not None or indented)
        blank = not line.strip()
    return result


def _from_markdown(text):
    lines = text.split('\n')
    passages, paragraph = [], []

    def flush():
        if paragraph:
            passages.append(_passage(PROSE, paragraph))
        paragraph.clear()

    for number, (line, is_code) in enumerate(zip(lines, markdown_code_lines(lines)), 1):
        stripped = line.strip()
        if is_code or not stripped:
            flush()
        elif stripped.startswith('#'):
            flush()
            passages.append(_passage(HEADING, [(number, stripped.lstrip('#'))]))
        elif stripped.startswith('|'):
            flush()
            passages += [_passage(PROSE, [(number, cell)])
                         for cell in re.split(r'(?<!\\)\|', stripped) if cell.strip()]
        else:
            item = _ITEM.match(line)
            if item:
                flush()
            paragraph.append((number, line[item.end():] if item else line))
    flush()
    return passages


# --- Test names ---

_TEST = re.compile(r'\b(?:TYPED_)?TEST(?:_[FP])?\(\s*\w+\s*,\s*(\w+)\s*\)')
_PYTHON_TEST = re.compile(r'^\s*def test_(\w+)\(', re.M)
_HUMP = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])')


def test_names(path, text):
    """Yields the name and the line number of each test."""
    pattern = _PYTHON_TEST if path.endswith('.py') else _TEST
    if path.endswith(('.cc', '.h', '.py')):
        for match in pattern.finditer(text):
            yield match[1], text.count('\n', 0, match.start(1)) + 1


def _spoken(name):
    """Returns the words of a CamelCase or snake_case name."""
    words = _HUMP.sub(' ', name).replace('_', ' ')
    return words[:1] + words[1:].lower()


# --- The one entry ---

def passages(path, text):
    """Returns the passages of the file called `path`; none if it is not of a kind that is read."""
    first_line = text.split('\n', 1)[0]
    if first_line.startswith('#!'):
        text = text[len(first_line):]
    if path.endswith(('.cc', '.h', '.proto')):
        result = _from_code(text, _CPP, True)
    elif path.endswith('.md'):
        result = _from_markdown(text)
    elif path.endswith('.py'):
        result = _from_code(text, _PYTHON, False)
    elif path.endswith(('.sh', '.bash')) or re.match(r'#!.*\b(ba)?sh\b', first_line):
        result = _from_shell(text)
    elif path.endswith(('.cmake', 'CMakeLists.txt', '.toml', '.yaml', '.service', '.conf')):
        result = _from_code(text, _HASH, False)
    else:
        return []
    result += [_passage(TEST_NAME, [(line, _spoken(name))])
               for name, line in test_names(path, text)]
    return sorted((p for p in result if p.lines), key=lambda p: p.lines[0])
