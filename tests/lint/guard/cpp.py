"""Finds the declarations of a C++ file without a compiler: namespaces, types and functions.

It reads code as this project writes it: formatted, and without macros that open or close a scope.
"""
import dataclasses
import re

_HIDDEN = re.compile(
    r'''\d'(?=\d)
      | //[^\n]* | /\*.*?\*/
      | R"(?P<fence>\w*)\(.*?\)(?P=fence)"
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
      | ^[ \t]*\#(?:[^\n\\]|\\.)*(?:\\\n(?:[^\n\\]|\\.)*)*
    ''', re.S | re.X | re.M)
_MACRO = re.compile(r'\b[A-Z][A-Z0-9]*_[A-Z0-9_]*\b(?:\s*\([^()]*\))?')
_MACRO_NAME = re.compile(r'[A-Z][A-Z0-9_]{2,}')
_ATTRIBUTE = re.compile(r'\[\[.*?\]\]', re.S)
_INNER_ANGLES = re.compile(r'<[^<>]*>')
_TEMPLATE = re.compile(r'^\s*template\s*(?=<)')
_NAMESPACE = re.compile(r'^(?:inline\s+)?namespace\b\s*([\w:]*)\s*$')
_TYPE = re.compile(r'^(?:typedef\s+)?(class|struct|union|enum(?:\s+(?:class|struct))?)\b\s*([\w:]*)\s*'
                   r'(?:final\b\s*)?(?::(?!:).*)?$', re.S)
_ALIAS = re.compile(r'^using\s+(\w+)\s*=')
_FUNCTION = re.compile(r'(~?\w+|operator\s*[^\s\w(]+|operator\s*\(\s*\)|operator\s+[\w:&*\s]+)\s*\(')
_ACCESS = re.compile(r'\s*(public|protected|private)\s*:(?!:)')


@dataclasses.dataclass
class Declaration:
    kind: str  # 'type', 'alias' or 'function'
    scope: tuple  # names of the namespaces and classes around it; '' for an anonymous one
    name: str
    offset: int
    public: bool  # at namespace scope, or in the public section of public classes


@dataclasses.dataclass
class _Scope:
    names: tuple
    is_class: bool
    public: bool  # of the declarations in it


def hide(text):
    """Replaces comments, literals and preprocessor lines by spaces."""
    return _HIDDEN.sub(lambda m: m[0] if m[0][0].isdigit() else re.sub(r'[^\n]', ' ', m[0]), text)


def _without_angles(text):
    text = text.replace('->', '  ').replace('<=>', '   ').replace('<<', '  ').replace('>=', '  ')
    while True:
        shorter = _INNER_ANGLES.sub('', text)
        if shorter == text:
            return text
        text = shorter


def _simplify(statement):
    """Removes macros, attributes and template arguments. `struct hash<X>` becomes `struct hash <>`."""
    text = _MACRO.sub(' ', _ATTRIBUTE.sub(' ', statement))
    is_template = bool(_TEMPLATE.match(text))
    is_special = re.search(r'\b(?:class|struct)\s+[\w:]+\s*<', text.split('{')[0].split(' : ')[0])
    text = _without_angles(_TEMPLATE.sub('', text) if is_template else text)
    return text.strip(), bool(is_special) and is_template


def _matching_brace(code, offset):
    depth = 0
    for match in re.compile(r'[{}]').finditer(code, offset):
        depth += 1 if match[0] == '{' else -1
        if depth == 0:
            return match.start()
    return len(code)


def _function_name(text):
    if re.match(r'(?:using|typedef|friend|static_assert|return|extern)\b', text):
        return None
    match = _FUNCTION.search(text)
    if not match or '=' in text[:match.start()] or _MACRO_NAME.fullmatch(match[1]):
        return None
    return ' '.join(match[1].split())


class _Walker:
    def __init__(self, text):
        self.code = hide(text)
        self.scopes = [_Scope((), False, True)]
        self.found = []
        self.start = 0  # of the statement under way

    def begin(self, offset):
        """Starts a statement at the first character behind `offset` and access labels."""
        while True:
            label = _ACCESS.match(self.code, offset) if self.scopes[-1].is_class else None
            if not label:
                break
            outer = self.scopes[-2].public if len(self.scopes) > 1 else True
            self.scopes[-1].public = outer and label[1] == 'public'
            offset = label.end()
        space = re.compile(r'\s*').match(self.code, offset)
        self.start = space.end()

    def add(self, kind, name):
        scope = self.scopes[-1]
        self.found.append(Declaration(kind, scope.names, name, self.start, scope.public))

    def close_statement(self, end):
        text, _ = _simplify(self.code[self.start:end])
        alias = _ALIAS.match(text)
        if alias:
            self.add('alias', alias[1])
        elif _function_name(text):
            self.add('function', _function_name(text))

    def open_brace(self, offset):
        """Handles a '{' and returns the offset at which to go on."""
        raw = self.code[self.start:offset]
        text, is_special = _simplify(raw)
        scope = self.scopes[-1]
        namespace = _NAMESPACE.match(text)
        if namespace or text == 'extern':
            names = tuple(namespace[1].split('::')) if namespace else ()
            self.scopes.append(_Scope(scope.names + names, False, scope.public))
            self.begin(offset + 1)
            return offset + 1
        found = _TYPE.match(text)
        if found:
            name = found[2]
            if name and not is_special:
                self.add('type', name)
            if not found[1].startswith('enum'):
                public = scope.public and found[1] != 'class'
                self.scopes.append(_Scope(scope.names + tuple(name.split('::')), True, public))
                self.begin(offset + 1)
                return offset + 1
        end = _matching_brace(self.code, offset)
        rest = self.code[end + 1:end + 200].lstrip()
        if not found and rest[:1] not in (';', ',', ')', '{', '='):  # a body, not an initializer
            self.close_statement(offset)
            self.begin(end + 1)
        return end + 1

    def run(self):
        mark = re.compile(r'[{};]|\(')
        offset = 0
        self.begin(0)
        while True:
            match = mark.search(self.code, offset)
            if not match:
                return self.found
            offset = match.end()
            if match[0] == '{':
                offset = self.open_brace(match.start())
            elif match[0] == '(':
                offset = self.skip_parentheses(match.start())
            else:
                if match[0] == ';':
                    self.close_statement(match.start())
                elif len(self.scopes) > 1:
                    self.scopes.pop()
                self.begin(offset)

    def skip_parentheses(self, offset):
        depth = 0
        for match in re.compile(r'[()]').finditer(self.code, offset):
            depth += 1 if match[0] == '(' else -1
            if depth == 0:
                return match.end()
        return len(self.code)


def declarations(text):
    """Returns the declarations of a file, in order, those in functions excepted."""
    return _Walker(text).run()
