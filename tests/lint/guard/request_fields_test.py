import unittest

import request_fields

PATH = 'proto/billbroker/v1/point.proto'


class RequestFieldsTest(unittest.TestCase):
    def found(self, text, path=PATH):
        return [(line, words) for _, line, words, _ in request_fields.check({path: text})]

    def test_accepts_required_and_optional(self):
        self.assertEqual(self.found('''
            syntax = "proto3";
            message GetRequest {
              // Required. The name,
              // with a second line.
              string name = 1;
              // Optional.
              repeated string keys = 2 [(secret) = true];
            }
            message ListRequest {}'''), [])

    def test_finds_other_comments_and_none(self):
        self.assertEqual(self.found('''message GetRequest {
            // The name. Required.
            string name = 1;
            int32 size = 2;
            // Optional: the key.
            map<string, string> keys = 3;
            // Required. The kind.
            Kind kind = 4;
            bool flag = 5;  // Required.
            }'''), [(3, 'GetRequest.name'), (4, 'GetRequest.size'), (6, 'GetRequest.keys'),
                     (9, 'GetRequest.flag')])

    def test_reads_the_messages_that_a_request_holds(self):
        text = '''message SetRequest {
            // Required.
            repeated billbroker.v1.Spec specs = 1;
            }
            message Spec {
            // The name.
            string name = 1;
            // Optional.
            map<string, Part> parts = 2;
            }
            message Part { int32 size = 1; }
            message SetResponse { int32 size = 1; }'''
        self.assertEqual(self.found(text), [(7, 'Spec.name'), (11, 'Part.size')])

    def test_follows_messages_into_other_files(self):
        found = request_fields.check({
            PATH: 'message SetRequest {\n// Required.\nSpec spec = 1;\n}\n',
            'proto/billbroker/v1/spec.proto': 'message Spec {\nstring name = 1;\n}\n'})
        self.assertEqual([finding[:3] for finding in found],
                         [('proto/billbroker/v1/spec.proto', 2, 'Spec.name')])

    def test_a_oneof_has_the_word(self):
        text = '''message SetRequest {
            // COMMENT
            oneof value {
              // The text.
              string text = 1;
            }
            }'''
        self.assertEqual(self.found(text.replace('COMMENT', 'Required. A value.')), [])
        self.assertEqual(self.found(text), [(3, 'SetRequest.value')])

    def test_ignores_protos_that_are_not_public(self):
        self.assertEqual(self.found('message GetRequest { int32 size = 1; }', 'proto/internal/a.proto'), [])


if __name__ == '__main__':
    unittest.main()
