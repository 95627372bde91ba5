import unittest

import passages
from passages import COMMENT, HEADING, MESSAGE, PROSE, TEST_NAME


def read(path, text):
    return [(p.kind, p.text) for p in passages.passages(path, text)]


class CodeTest(unittest.TestCase):
    def test_joins_a_comment_block_and_knows_its_lines(self):
        [passage] = passages.passages('a.h', 'int a;\n// first\n// second\nint b;\n')
        self.assertEqual(passage.text, 'first second')
        self.assertEqual([passage.line_at(0), passage.line_at(6)], [2, 3])

    def test_splits_at_blank_comment_lines_and_at_comments_behind_code(self):
        self.assertEqual(read('a.h', '// one\n//\n// two\nint a;  // three\nint b;  // four\n'),
                         [(COMMENT, t) for t in ('one', 'two', 'three', 'four')])

    def test_reads_comments_of_c_style(self):
        self.assertEqual(read('a.h', '/* one\n * two */\n'), [(COMMENT, 'one two')])

    def test_joins_adjacent_literals_into_a_message(self):
        self.assertEqual(read('a.cc', 'Fail("the file "\n     "is not there");'),
                         [(MESSAGE, 'the file is not there')])

    def test_keys_and_documents_are_not_messages(self):
        self.assertEqual(read('a.cc', 'f("two words", R"({"a": "b c d"})", "user_name");'), [])

    def test_is_not_confused_by_quotes_and_separators(self):
        text = 'int a = 1\'000; char b = \'"\'; f("a // b // c is"); // end\n'
        self.assertEqual(read('a.cc', text), [(COMMENT, 'end')])

    def test_reads_protos_cmake_shell_and_python(self):
        self.assertEqual(read('a.proto', '// a\nmessage B {}\n'), [(COMMENT, 'a')])
        self.assertEqual(read('CMakeLists.txt', '# a\nset(b "one two three")\n'),
                         [(COMMENT, 'a'), (MESSAGE, 'one two three')])
        self.assertEqual(read('dev', '#!/usr/bin/env bash\n# a ${b#c}\necho "it is # not a comment"\n'),
                         [(COMMENT, 'a ${b#c}'), (MESSAGE, 'it is # not a comment')])
        self.assertEqual(read('a.py', '"""Doc."""\nx = "# no comment here"  # yes\n'),
                         [(COMMENT, 'Doc.'), (MESSAGE, '# no comment here'), (COMMENT, 'yes')])

    def test_reads_the_lines_of_a_here_document(self):
        text = '#!/bin/bash\ncat <<\'TEXT\'\nusage of this program\nTEXT\n'
        self.assertIn((MESSAGE, 'usage of this program'), read('dev', text))

    def test_speaks_test_names(self):
        self.assertEqual(read('a_test.cc', 'TEST_F(A,\n       WhatIsNoUTF8) {}\n'),
                         [(TEST_NAME, 'What is no utf8')])
        self.assertEqual(read('a_test.py', '    def test_is_no_name(self):\n'),
                         [(TEST_NAME, 'is no name')])

    def test_ignores_files_of_other_kinds(self):
        self.assertEqual(read('a.json', '{"a": "what is it"}'), [])


class MarkdownTest(unittest.TestCase):
    def test_separates_headings_paragraphs_items_and_cells(self):
        text = '# Head\none\ntwo\n\n* item\n  goes on\n* item2\n\n| a | b |\n'
        self.assertEqual(read('a.md', text),
                         [(HEADING, 'Head')] + [(PROSE, t) for t in
                                                ('one two', 'item goes on', 'item2', 'a', 'b')])

    def test_skips_code_blocks(self):
        self.assertEqual(read('a.md', 'a\n\n    code\n\n```\ncode\n```\nb\n'),
                         [(PROSE, 'a'), (PROSE, 'b')])

    def test_hides_code_spans_links_and_quotations_in_place(self):
        text = 'a `what` [b](what) "what" https://what c'
        hidden = passages.hide_code(text)
        self.assertNotIn('what', hidden)
        self.assertEqual(len(hidden), len(text))
        self.assertEqual(passages.hide_code("the broker's and BILL's"), "the broker's and BILL's")


if __name__ == '__main__':
    unittest.main()
