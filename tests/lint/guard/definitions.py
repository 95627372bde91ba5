"""Checks that a type name is defined once in a namespace.

Product code and the headers of tests are one set of names. The sources of tests are one set for
each directory, because each directory is one program or a few. Names in anonymous namespaces are free.
"""
import cpp

FIX = 'is also defined in {}; rename one of them'


def check(files):
    """Yields (path, line, words, fix) for each second definition; `files` maps paths to texts."""
    first = {}  # (program, scope, name) -> path
    for path in sorted(files, key=lambda p: (p.startswith('tests/'), not p.endswith('.h'), p)):
        if not path.endswith(('.cc', '.h')):
            continue
        program = path.rpartition('/')[0] if path.startswith('tests/') and path.endswith('.cc') else ''
        for declaration in cpp.declarations(files[path]):
            scope, name = declaration.scope, declaration.name
            if declaration.kind == 'function' or '' in scope:
                continue
            key = scope + tuple(name.split('::'))
            other = first.get(('', key)) or first.get((program, key))
            if other is None:
                first[program, key] = path
            elif other != path:
                line = files[path].count('\n', 0, declaration.offset) + 1
                yield path, line, '::'.join(key), FIX.format(other)
