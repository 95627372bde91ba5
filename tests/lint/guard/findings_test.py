import unittest

import findings


class FindingsTest(unittest.TestCase):
    def test_reads_the_list_that_it_wrote(self):
        listed = {'b.cc': {'x': 1}, 'a.cc': {'y': 2, 'x': 3}, 'c.cc': {'x': 0}}
        text = findings.render(listed)
        self.assertEqual(text.splitlines()[1:], ['a.cc x=3 y=2', 'b.cc x=1'])
        del listed['c.cc']
        self.assertEqual(findings.parse(text), listed)

    def test_the_lower_counts_apply_after_a_merge_of_lines(self):
        self.assertEqual(findings.parse('a x=3 y=2\na x=1\n'), {'a': {'x': 1}})

    def test_names_malformed_lines(self):
        text = '# a comment\n\na.cc x=1\nwith a space.cc x=1 y=2\na.cc x\n<<<<<<< HEAD\na.cc x=-1\n x=1\n'
        self.assertEqual(findings.malformed_lines(text),
                         [(5, 'a.cc x'), (6, '<<<<<<< HEAD'), (7, 'a.cc x=-1'), (8, ' x=1')])
        self.assertEqual(findings.parse(text), {'a.cc': {'x': 1}, 'with a space.cc': {'x': 1, 'y': 2}})

    def test_an_update_lowers_and_never_raises(self):
        self.assertEqual(findings.lowered({'a': {'x': 3, 'y': 1}, 'gone': {'x': 1}},
                                          {'a': {'x': 2, 'y': 2, 'z': 1}, 'new': {'x': 1}}, {}),
                         {'a': {'x': 2, 'y': 1}, 'new': {}})

    def test_an_entry_moves_with_its_file(self):
        self.assertEqual(findings.lowered({'a': {'x': 3}}, {'b': {'x': 3}}, {'b': 'a'}), {'b': {'x': 3}})
        self.assertEqual(findings.grown({'b': {'x': 3}}, {'a': {'x': 3}}, {'b': 'a'}), [])

    def test_names_what_differs(self):
        more, fewer = findings.differences({'a': {'x': 2, 'y': 2}}, {'a': {'x': 1, 'y': 3}, 'b': {'x': 1}})
        self.assertEqual(more, [('a', 'y', 2, 3), ('b', 'x', 0, 1)])
        self.assertEqual(fewer, [('a', 'x', 2, 1)])

    def test_names_entries_that_grew(self):
        self.assertEqual(findings.grown({'a': {'x': 2}, 'b': {'y': 1}}, {'a': {'x': 1, 'y': 9}}, {}),
                         [('a', 'x', 1), ('b', 'y', 1)])

    def test_keeps_the_lines_that_allow_growth(self):
        line = '# grown: x +3 the rule is new'
        text = findings.render({'a': {'x': 3}}, [line])
        self.assertEqual(findings.growth_lines(text), [line])
        self.assertEqual(findings.parse(text), {'a': {'x': 3}})
        self.assertEqual(findings.growth_lines('# grown: x 3 no sign\n# grown: x +3\n# a comment\n'), [])

    def test_only_a_new_line_allows_growth(self):
        def disallowed(before, now):
            return findings.disallowed_growth(before, now, {})

        line = '# grown: x +2 the rule is new\n'
        self.assertEqual(disallowed('a x=1\n', 'a x=2\nb x=1\n'), [('a', 'x', 1), ('b', 'x', 1)])
        self.assertEqual(disallowed('a x=1\n', line + 'a x=2\nb x=1\n'), [])
        self.assertEqual(disallowed(line + 'a x=1\n', line + 'a x=2\n'), [('a', 'x', 1)])
        self.assertEqual(disallowed('a x=1\n', line + 'a x=2\nb x=2\n'), [('a', 'x', 1), ('b', 'x', 2)])
        self.assertEqual(disallowed('a x=1\n', line + 'a x=2 y=1\n'), [('a', 'y', 1)])

    def test_wrapping_and_moving_text_does_not_rewrite_a_file(self):
        before = ' '.join(f'w{i}' for i in range(100))
        words = before.split()
        self.assertFalse(findings.is_rewritten(before, '\n'.join(words)))
        self.assertFalse(findings.is_rewritten(before, ' '.join(words[50:] + words[:50])))
        self.assertFalse(findings.is_rewritten(before, ' '.join(words[:60] + ['new'] * 90)))
        self.assertTrue(findings.is_rewritten(before, ' '.join(words[:40] + ['new'] * 60)))


if __name__ == '__main__':
    unittest.main()
