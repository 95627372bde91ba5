import unittest

import widths


class WidthsTest(unittest.TestCase):
    def lines(self, path, *lines):
        return [line for line, _, _ in widths.long_lines(path, '\n'.join(lines))]

    def test_finds_long_lines_of_docs_and_protos(self):
        self.assertEqual(self.lines('a.md', 'a ' * 50, 'a ' * 51), [2])
        self.assertEqual(self.lines('a.proto', '// ' + 'a ' * 51), [1])
        self.assertEqual(self.lines('a.cc', '// ' + 'a ' * 51), [])

    def test_exempts_tables_code_and_lines_that_cannot_be_broken(self):
        self.assertEqual(self.lines('a.md', '| ' + 'a ' * 60, '', '```', 'a ' * 60, '```',
                                    '* https://' + 'a' * 100, '// '), [])
        self.assertEqual(self.lines('a.proto', '// https://' + 'a' * 100), [])

    def test_finds_long_test_names(self):
        text = 'TEST(A, ' + 'B' * 60 + ') {}\nTEST_P(A,\n ' + 'C' * 61 + ') {}\n'
        self.assertEqual([line for line, _, _ in widths.long_test_names('a.cc', text)], [3])


if __name__ == '__main__':
    unittest.main()
