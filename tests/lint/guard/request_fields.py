"""Checks that the comment of each field of a request begins with `Required.` or `Optional.` (ADR 0022).

A request is a message whose name ends in `Request`, and every message that one of its fields holds.
A oneof has the word in its own comment; the comments of its fields are free.
"""
import collections
import re

Field = collections.namedtuple('Field', 'path line type name comment')

FIX = 'begin the comment of a request field with "Required." or "Optional." (ADR 0022)'
_TOKEN = re.compile(r'//(?P<comment>[^\n]*)|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|(?P<mark>[{};])|(?P<word>[^\s{};/"]+|/)', re.S)
_OPENING = re.compile(r'(message|oneof|enum|service|extend) (\w+)')
_FIELD = re.compile(r'(?:(?:repeated|optional) )?(?:map ?< ?\w+ ?, ?([\w.]+) ?>|([\w.]+)) (\w+) ?= ?\d+')


def _messages(path, text):
    """Returns the fields of each message by the message's name; a oneof is a field without a type."""
    messages, scopes, words, comment, first = collections.defaultdict(list), [], [], None, 0
    for token in _TOKEN.finditer(text):
        line = text.count('\n', 0, token.start()) + 1
        if token['comment'] is not None:
            if not words:
                comment = comment or token['comment'].strip()
        elif token['word']:
            first = first if words else line
            words.append(token['word'])
        elif token['mark'] == '}':
            if scopes:
                scopes.pop()
            words, comment = [], None
        elif token['mark']:
            statement = ' '.join(words)
            owner = next((name for kind, name in reversed(scopes) if kind == 'message'), None)
            opening = _OPENING.match(statement)
            kind, name = opening.groups() if opening else (None, None)
            field = _FIELD.match(statement)
            if token['mark'] == '{':
                if kind == 'oneof':
                    messages[owner].append(Field(path, first, None, name, comment or ''))
                scopes.append((kind, name))
            elif field and scopes and scopes[-1][0] in ('message', 'oneof'):
                inherited = None if scopes[-1][0] == 'message' else 'Optional.'
                messages[owner].append(Field(path, first, (field[1] or field[2]).rpartition('.')[2], field[3],
                                             inherited or comment or ''))
            words, comment = [], None
    return messages


def check(files):
    """Yields (path, line, words, fix) for each finding; `files` maps paths to texts."""
    messages = collections.defaultdict(list)
    for path, text in files.items():
        if path.startswith('proto/billbroker/') and path.endswith('.proto'):
            for name, fields in _messages(path, text).items():
                messages[name] += fields
    todo, seen = [name for name in messages if name.endswith('Request')], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for field in messages.get(name, ()):
            if field.type:
                todo.append(field.type)
            if not re.match(r'(?:Required|Optional)\.(?: |$)', field.comment):
                yield field.path, field.line, f'{name}.{field.name}', FIX
