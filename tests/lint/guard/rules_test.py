import unittest

import rules
from passages import COMMENT, HEADING, PROSE, Passage


def found(text, kind=COMMENT):
    return [name for _, name, _, _ in rules.check(Passage(kind, text, [0], [1]))]


class RulesTest(unittest.TestCase):
    def test_each_pattern_finds_its_example(self):
        for rule in rules.RULES:
            with self.subTest(rule.bad):
                self.assertIn(rule.name, found(rule.bad))

    def test_near_misses_have_no_finding_at_all(self):
        for rule in rules.RULES:
            with self.subTest(rule.good):
                self.assertEqual(found(rule.good), [])

    def test_examples_of_the_style_guide(self):
        for text in (
                'who will not wait for the turn is told when it comes',
                'What cannot be put on the audit log is not done',
                'Live as far as one knows, but to be asked about at BILL before it is handed out.',
                'whether what it needs is granted by now to whom its connection is of by now',
                'Drops from those who wait for the partner\'s session whom something stands against',
                'Told what a log, an audit or a metric wants to know.',
                'the certificates before stay in force until the files are mended',
                'standard input is no terminal to ask for secrets at',
                'Plain TCP there is not, on this machine neither.',
                'What is no document is refused',
                'While bill is ill a live session is served and a report hears that bill is ill'):
            with self.subTest(text):
                self.assertNotEqual(found(text), [])

    def test_plain_sentences_of_the_style_guide_pass(self):
        for text in (
                'A caller whose deadline is earlier than its estimated start fails at once.',
                'If the audit record cannot be written, the operation fails.',
                'Returns true if this is the first recorded refusal of this rememberMeId.',
                'Re-checks the permission against the current policy.',
                'Fails the waiters that may not sign in.',
                'the previous certificates stay in use until the files are fixed',
                'stdin is not a terminal', 'duplicate credential name',
                'Plain TCP is not supported, not even on localhost.',
                'Rejects malformed document', 'Serves live session during bill outage'):
            with self.subTest(text):
                self.assertEqual(found(text), [])

    def test_headings_may_ask_without_a_question_mark(self):
        self.assertEqual(found('What is where', HEADING), [])
        self.assertEqual(found('What is where', PROSE), ['what-clause'])

    def test_code_and_quotations_are_not_language(self):
        self.assertEqual(found('Logs `what` and "anew" and \'in force\'.'), [])

    def test_a_question_ends_at_its_own_sentence(self):
        self.assertEqual(found('What is it? Returns what it holds.'), ['what-clause'])


if __name__ == '__main__':
    unittest.main()
