"""Runs the guard as a whole in small repositories with planted violations."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = 'tests/lint/findings.txt'
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
        made.write('vault/old.cc', '// What it is.\n' + ''.join(f'int value{i} = {i};\n' for i in range(40)))
        made.run_guard('--record-findings')
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

    def test_passes_with_the_findings_of_the_list(self):
        self.assertIn('vault/old.cc what-clause=1', self.read(LIST))
        self.assertIn('findings left on the list', self.assert_passes())

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
            ('vault/m.h', '#include "server/rpc/gate.h"\n', 'vault/m.h:1: layer'),
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

    def test_fails_on_more_findings_than_listed(self):
        self.write('vault/old.cc', self.read('vault/old.cc') + '// What is new.\n')
        self.assert_fails('vault/old.cc: 2 findings of what-clause, 1 on the list', 'vault/old.cc:42:')
        self.run_guard('--update-findings')
        self.assert_fails('vault/old.cc: 2 findings of what-clause, 1 on the list')

    def test_asks_to_shrink_the_list(self):
        self.write('vault/old.cc', self.read('vault/old.cc').replace('What it is', 'Values'))
        self.assert_fails('Run `python3 tests/lint/guard --update-findings`')
        self.run_guard('--update-findings')
        self.assertNotIn('vault/old.cc', self.read(LIST))
        self.assert_passes()

    def test_an_entry_follows_a_renamed_file(self):
        self.git('mv', 'vault/old.cc', 'vault/moved.cc')
        self.run_guard('--update-findings')
        self.assertIn('vault/moved.cc what-clause=1', self.read(LIST))
        self.commit('vault: move a file')
        self.assert_passes()

    def test_a_rewritten_file_loses_its_entry(self):
        self.write('vault/old.cc', '// What it is.\n' + ''.join(f'long other{i} = {i} + 1;\n' for i in range(40)))
        self.assert_fails('vault/old.cc is rewritten by more than half')

    def test_the_list_does_not_grow_by_hand(self):
        self.write('vault/new.cc', '// What it is.\n')
        self.write(LIST, self.read(LIST) + 'vault/new.cc what-clause=1\n')
        self.commit('vault: add a file')
        self.assert_fails('vault/new.cc what-clause is higher by 1 than in')

    def plant(self, path='vault/new.cc'):
        self.write(path, '// What it is.\n')
        self.write(LIST, self.read(LIST) + f'{path} what-clause=1\n')

    def test_growth_that_was_taken_back_passes(self):
        self.plant()
        self.commit('vault: add a file')
        self.git('mv', 'vault/new.cc', 'vault/newer.cc')
        self.write(LIST, self.read(LIST).replace('vault/new.cc', 'vault/newer.cc'))
        self.commit('vault: move a file')
        self.assert_fails('vault/new.cc what-clause is higher by 1 than in')
        self.write('vault/newer.cc', '// Values.\n')
        self.run_guard('--update-findings')
        self.commit('vault: describe the values')
        self.assert_passes()

    def test_a_change_of_the_guard_does_not_let_the_list_grow(self):
        self.plant()
        self.write('tests/lint/guard/new.py', '')
        self.assert_fails('vault/new.cc what-clause is higher by 1 than in')
        self.commit('lint: add a rule')
        self.assert_fails('vault/new.cc what-clause is higher by 1 than in')
        self.write('tests/lint/guard/other.py', '')
        self.commit('lint: add another rule')
        self.assert_fails('vault/new.cc what-clause is higher by 1 than in')

    def test_a_count_that_was_lowered_does_not_rise_again(self):
        old = self.read('vault/old.cc')
        self.write('vault/old.cc', old.replace('What it is', 'Values'))
        self.run_guard('--update-findings')
        self.commit('vault: describe the values')
        self.assert_passes()
        self.write('vault/old.cc', old)
        self.write(LIST, self.read(LIST) + 'vault/old.cc what-clause=1\n')
        self.assert_fails('vault/old.cc what-clause is higher by 1 than in')
        self.commit('vault: change the values')
        self.assert_fails('vault/old.cc what-clause is higher by 1 than in')

    def test_a_list_that_is_added_again_is_compared(self):
        text = self.read(LIST)
        os.remove(os.path.join(self.root, LIST))
        self.commit('lint: remove the list')
        self.write(LIST, text)
        self.plant()
        self.commit('lint: add the list')
        self.assert_fails('vault/new.cc what-clause is higher by 1 than in')

    def test_a_recorded_rule_may_grow_once(self):
        self.write('vault/new.cc', '// What it is.\n// Who waits is refused.\n')
        self.assertEqual(self.run_guard('--record-findings', 'what-clause')[0], 1)
        self.run_guard('--record-findings', 'what-clause', 'the', 'rule is new')
        self.assertIn('# grown: what-clause +1 the rule is new\n', self.read(LIST))
        self.assert_fails('vault/new.cc: 1 findings of who-clause, 0 on the list')
        self.write('vault/new.cc', '// What it is.\n')
        self.assert_passes()
        self.commit('lint: add a rule')
        self.assert_passes()
        self.plant('vault/newer.cc')
        self.commit('vault: add a file')
        self.assert_fails('vault/newer.cc what-clause is higher by 1 than in')

    def test_an_update_keeps_the_lines_that_allow_growth(self):
        self.write('vault/new.cc', '// What it is.\n')
        self.run_guard('--record-findings', 'what-clause', 'the rule is new')
        self.commit('lint: add a rule')
        self.write('vault/new.cc', '// Plain.\n')
        self.run_guard('--update-findings')
        self.assertIn('# grown: what-clause +1 the rule is new\n', self.read(LIST))
        self.assert_passes()

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
        self.assertIn('NOT CHECKED: commit subjects, rewritten files, and whether tests/lint/findings.txt grew',
                      output)
        self.assertIn('git fetch --unshallow', output)
        self.assertIn('NOT CHECKED', self.run_guard(root=clone, cwd='/')[1])
        self.assertIn('entries of renamed files are dropped', self.run_guard('--update-findings', root=clone)[1])

    def test_a_clone_that_is_cut_off_after_the_list_is_shallow(self):
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

    def test_an_entry_may_have_a_space_in_its_path(self):
        self.git('mv', 'vault/old.cc', 'vault/old code.cc')
        self.run_guard('--update-findings')
        self.commit('vault: move a file')
        self.assert_passes()

    def test_names_a_malformed_line_of_the_list(self):
        whole = self.read(LIST)
        self.write(LIST, whole + '<<<<<<< HEAD\nvault/plain.h what-clause=many\n')
        lines = len(whole.splitlines())
        expected = (f"{LIST}:{lines + 1}: '<<<<<<< HEAD' is not a valid entry; write `PATH RULE=COUNT",
                    f"{LIST}:{lines + 2}: 'vault/plain.h what-clause=many' is not a valid entry")
        self.assert_fails(*expected)
        self.assertEqual(self.run_guard('--update-findings')[0], 1)
        self.commit('vault: add a file')
        self.assert_fails(*expected)
        self.write(LIST, whole)
        self.commit('lint: repair the list')
        self.assert_passes()

    def test_lists_the_accepted_findings_of_a_path(self):
        self.assertIn('vault/old.cc:1: what-clause', self.run_guard('--list', 'vault')[1])
        self.assertEqual(self.run_guard('--list', 'client')[1], '')


if __name__ == '__main__':
    unittest.main()
