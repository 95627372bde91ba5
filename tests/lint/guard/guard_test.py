"""Runs the guard as a whole in small repositories with planted violations."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = '// Point: a place on the map.\nnamespace a {\n// Returns the sum of both.\nint Sum();\n}\n'


class GuardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = cls.root = tempfile.mkdtemp(prefix='guard-')
        cls.addClassCleanup(shutil.rmtree, cls.template)
        shutil.copytree(HERE, os.path.join(cls.root, 'tests/lint/guard'),
                        ignore=shutil.ignore_patterns('__pycache__', '*_test.py'))
        made = cls('run_guard')
        made.git('init', '--quiet', '--initial-branch=main')
        made.write('vault/plain.h', PLAIN)
        made.commit('lint: add the guard')

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='guard-')
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copytree(self.template, self.root, dirs_exist_ok=True)

    def git(self, *arguments, cwd=None):
        identity = ('-c', 'user.name=Test', '-c', 'user.email=test@example.com')
        return subprocess.run(('git',) + identity + arguments, cwd=cwd or self.root, check=True,
                              capture_output=True, text=True).stdout

    def commit(self, subject):
        self.git('add', '--all')
        self.git('commit', '--quiet', '--allow-empty', '-m', subject)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            return file.read()

    def run_guard(self, *arguments, root=None, cwd=None):
        root = root or self.root
        result = subprocess.run((sys.executable, '-B', os.path.join(root, 'tests/lint/guard')) + arguments,
                                cwd=cwd or root, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout + result.stderr

    def assert_passes(self):
        code, output = self.run_guard()
        self.assertEqual(code, 0, output)
        return output

    def assert_fails(self, *expected):
        code, output = self.run_guard()
        self.assertEqual(code, 1, output)
        for text in expected:
            self.assertIn(text, output)

    def test_passes_without_a_finding(self):
        self.assertRegex(self.assert_passes(), r'^guard: \d+ files, 0 findings$')

    def test_fails_on_a_planted_violation_of_each_rule(self):
        planted = (
            ('vault/a.h', '// What it is.\n', 'vault/a.h:1: what-clause: "What"'),
            ('vault/b.h', '\n// Who waits is refused.\n', 'vault/b.h:2: who-clause'),
            ('vault/c.cc', 'f("the file is no document");\n', 'vault/c.cc:1: no-noun'),
            ('docs/d.md', 'The hub tells the watchers.\n', 'docs/d.md:1: person-verb'),
            ('docs/e.md', 'A key of which none is used.\n', 'docs/e.md:1: hanging-relative'),
            ('docs/f.md', 'Plain TCP there is not.\n', 'docs/f.md:1: inversion'),
            ('g.sh', '# Starts anew.\n', 'g.sh:1: archaic'),
            ('h.proto', '// Live as far as one knows.\n', 'h.proto:1: one-pronoun'),
            ('i_test.cc', 'TEST(A, WhatIsNoName) {}\n', 'i_test.cc:1: what-clause'),
            ('j_test.cc', f'TEST(A, {"B" * 61}) {{}}\n', 'j_test.cc:1: test-name-length'),
            ('docs/k.md', 'word ' * 21 + '\n', 'docs/k.md:1: line-width'),
            ('vault/l.h', PLAIN.replace('Returns the', 'The'), 'vault/l.h:3: function-comment'),
            ('vault/m.h', '#include "server/rpc/authorizer.h"\n', 'vault/m.h:1: layer'),
            ('vault/n.h', '#include "tests/a.h"\n', 'vault/n.h:1: layer'),
            ('vault/o.h', '#include <nlohmann/json.hpp>\n', 'vault/o.h:1: layer'),
            ('docs/p.md', '`PointTest.Moves` proves it.\n', 'docs/p.md:1: test-reference: "PointTest.Moves"'),
            ('proto/billbroker/v1/q.proto', 'message GetRequest {\n  // The name.\n  string name = 1;\n}\n',
             'proto/billbroker/v1/q.proto:3: request-field: "GetRequest.name"'))
        for path, text, _ in planted:
            self.write(path, text)
        self.assert_fails(*(expected for _, _, expected in planted))
        for path, _, _ in planted:
            os.remove(os.path.join(self.root, path))
        self.assert_passes()

    def test_fails_on_a_second_definition(self):
        self.write('vault/one.h', 'namespace a {\nstruct T {};\n}\n')
        self.write('client/two.h', 'namespace a {\nstruct T {};\n}\n')
        self.assert_fails('vault/one.h:2: one-definition: "a::T": is also defined in client/two.h')

    def test_checks_the_subjects_of_later_commits(self):
        self.commit('vault: added a file')
        self.assert_fails('"vault: added a file": added:')

    def test_a_shallow_clone_is_checked_without_its_history(self):
        self.commit('vault: added a file')
        clone = self.root + '-clone'
        self.addCleanup(shutil.rmtree, clone, True)
        self.git('clone', '--quiet', '--depth=1', 'file://' + self.root, clone)
        code, output = self.run_guard(root=clone)
        self.assertEqual(code, 0, output)
        self.assertIn('NOT CHECKED: commit subjects', output)
        self.assertIn('git fetch --unshallow', output)
        self.assertIn('NOT CHECKED', self.run_guard(root=clone, cwd='/')[1])

    def test_a_clone_that_is_cut_off_after_the_guard_is_shallow(self):
        self.commit('vault: add a file')
        self.commit('vault: added a file')
        self.git('clone', '--quiet', '--depth=2', 'file://' + self.root, self.root + '-clone')
        self.addCleanup(shutil.rmtree, self.root + '-clone', True)
        code, output = self.run_guard(root=self.root + '-clone')
        self.assertEqual(code, 0, output)
        self.assertIn('NOT CHECKED', output)

    def test_names_a_file_whose_name_is_not_utf8(self):
        for name in (b'bad-\xff.cc', b'line\nbreak.cc'):
            with open(os.path.join(os.fsencode(self.root), name), 'wb') as file:
                file.write(b'// What it is.\n')
        self.assert_fails(r"'bad-\udcff.cc': the name is not printable UTF-8; rename the file",
                          r"'line\nbreak.cc': the name is not")
        self.commit('vault: add a file')
        self.assert_fails(r"'bad-\udcff.cc': the name is not printable UTF-8; rename the file")

    def test_names_the_options(self):
        code, output = self.run_guard('--list')
        self.assertEqual(code, 1)
        self.assertIn('python3 tests/lint/guard [--with-tests]', output)


if __name__ == '__main__':
    unittest.main()
