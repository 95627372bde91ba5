"""Checks the direction of includes: which module may use which module and which library.

ARCHITECTURE.md explains the layers. A new module gets a row here.
"""
import re

# A module is a directory, or files of it that depend on more than the rest of their directory.
# It may include itself, the modules of its row, and the modules that these may include.
MODULES = {
    'vault/base': (),
    'vault/base/json': ('vault/base',),
    'vault': ('vault/base/json',),
    'vault/keyring': ('vault',),
    'proto': ('vault/base',),
    'server/bill': ('vault',),
    'server/bill (libcurl)': ('server/bill',),
    'server/session': ('server/bill',),
    'server/session/sqlite': ('server/session',),
    'server/credentials': ('server/session',),
    'server/access': ('vault',),
    'server/access/audit': ('vault',),
    'server/rpc': ('server/credentials', 'server/access', 'server/access/audit', 'proto'),
    'server/app': ('server/rpc', 'server/session/sqlite'),
    'server/app (main)': ('server/app', 'server/bill (libcurl)', 'vault/keyring'),
    'client': ('proto',),
    'client/cli': ('client', 'vault'),
    'client/cli (doctor)': ('client/cli', 'vault/keyring'),  # ADR 0010
}
# Files that belong to another module than their directory. `curl_options.h` is a struct of settings.
FILES = [
    (r'server/session/rules/.*', 'server/session'),
    (r'server/bill/(?:curl_(?!options\.h).*|transfer)\.\w+', 'server/bill (libcurl)'),
    (r'server/app/main\.cc', 'server/app (main)'),
    (r'client/cli/vault_probe\.cc', 'client/cli (doctor)'),
]
_GRPC = ('proto', 'server/rpc', 'server/app', 'server/app (main)', 'client', 'client/cli')
# The modules that may include a library, by the beginning of its headers' names. Tests may include
# any library.
LIBRARIES = {
    'grpc/': _GRPC,
    'grpcpp/': _GRPC,
    'google/protobuf/': _GRPC,
    'billbroker/v1/': _GRPC,
    'curl/': ('server/bill (libcurl)', 'client/cli'),
    'libsecret/': ('vault/keyring',),
    'glib': ('vault', 'vault/keyring'),
    'gio/': ('vault/keyring',),
    'sqlite3.h': ('server/session/sqlite',),
    'spdlog/': ('server/app', 'server/app (main)'),
    'CLI/': ('server/app (main)', 'client/cli'),
    'toml++/': ('server/app', 'client/cli'),
    'nlohmann/': ('server/access/audit', 'server/app', 'client/cli'),
    'httplib': (),
    'nghttp2/': (),
    'gtest/': (),
    'gmock/': (),
}
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)
_ROOTS = ('vault/', 'server/', 'client/', 'proto/', 'tests/')


def module_of(path):
    """Returns the module of a file, or None if no row covers its directory."""
    for pattern, module in FILES:
        if re.fullmatch(pattern, path):
            return module
    directory = path.rpartition('/')[0]
    return directory if directory in MODULES else None


def _reachable(module):
    seen, todo = set(), [module]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += MODULES[current]
    return seen


def check(path, text):
    """Yields (line, words, fix) for each include of `path` that its module may not have."""
    if not path.endswith(('.cc', '.h')) or not path.startswith(_ROOTS) or path.startswith('tests/'):
        return
    module = module_of(path)
    if module is None:
        yield 1, path.rpartition('/')[0], 'add the module to the table in tests/lint/guard/layers.py'
        return
    allowed = _reachable(module)
    for match in _INCLUDE.finditer(text):
        line, header = text.count('\n', 0, match.start()) + 1, match[1]
        if header.startswith('tests/'):
            yield line, header, 'product code never includes tests'
        elif header.startswith(_ROOTS):
            target = module_of(header)
            if target is None:
                yield line, header, 'add its module to the table in tests/lint/guard/layers.py'
            elif target not in allowed:
                yield line, header, f'{module} may not depend on {target} (see ARCHITECTURE.md)'
        else:
            users = next((u for name, u in LIBRARIES.items() if header.startswith(name)), None)
            if users is not None and module not in users:
                yield line, header, f'only {", ".join(users) or "tests"} may use this library'
