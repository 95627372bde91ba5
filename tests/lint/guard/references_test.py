import unittest

import references

TEST = 'TEST_F(GateTest, RejectsStrangers) {}\nTEST(GateTest, Admits) {}\n'


class ReferencesTest(unittest.TestCase):
    def stale(self, doc):
        return [(line, words) for _, line, words, _ in
                references.check({'tests/gate_test.cc': TEST, 'SECURITY.md': doc})]

    def test_accepts_names_and_patterns_of_tests(self):
        self.assertEqual(self.stale('(`rpc_test GateTest.Admits`, `GateTest.*`, `GateTest.Rejects*`)'), [])

    def test_finds_names_that_no_test_has(self):
        self.assertEqual(self.stale('a\nb `rpc_test\nGateTest.Refuses` `DoorTest.*`\n'),
                         [(3, 'GateTest.Refuses'), (3, 'DoorTest.*')])

    def test_reads_code_spans_alone(self):
        self.assertEqual(self.stale('GateTest.Refuses'), [])


if __name__ == '__main__':
    unittest.main()
