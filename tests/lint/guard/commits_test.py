import unittest

import commits


class CommitsTest(unittest.TestCase):
    def test_accepts_an_area_and_an_imperative(self):
        for subject in ('tests: reject invalid addresses', 'client/cli: add --wait', 'rpc, client: process it',
                        'docs: describe runs',
                        'Merge branch main', 'Revert "tests: added it"', 'all: feed the parser'):
            with self.subTest(subject):
                self.assertEqual(list(commits.check(subject)), [])

    def test_finds_other_subjects(self):
        for subject in ('add a file', 'tests: added a file', 'tests: adding a file', 'tests: adds a file',
                        'tests: what is no address is usage', 'client: a broker over TCP', 'rpc: ',
                        'docs: say what is true', 'tests: ' + 'x' * 70):
            with self.subTest(subject):
                self.assertNotEqual(list(commits.check(subject)), [])

    def test_a_subject_of_72_characters_passes(self):
        self.assertEqual(list(commits.check('tests: add ' + 'x' * 61)), [])
        self.assertNotEqual(list(commits.check('tests: add ' + 'x' * 62)), [])


if __name__ == '__main__':
    unittest.main()
