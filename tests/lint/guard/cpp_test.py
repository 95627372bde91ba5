import unittest

import cpp
import definitions
import function_comments

HEADER = '''
#include <string>  // struct InComment {
namespace billbroker {
struct Point { int x = 0; };
using Key = std::string;
template <class T>
class ABSL_LOCKABLE Box final : public Base<T> {
 public:
  enum class Kind { kA, kB };
  explicit Box(int a) : a_{a} { struct Local {}; }
  ~Box() override;
  [[nodiscard]] absl::StatusOr<T> Load(absl::string_view name) const;
  std::function<void(int)> callback;
 private:
  class Nested { public: void Hidden(); };
  void Secret() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int a_ ABSL_GUARDED_BY(mutex_) = 0;
};
namespace {
struct Private {};
}
}  // namespace billbroker
template <> struct std::hash<billbroker::Point> { int operator()(int) const; };
'''


class DeclarationsTest(unittest.TestCase):
    def names(self, kind, text=HEADER):
        return ['::'.join(d.scope + (d.name,)) for d in cpp.declarations(text) if d.kind == kind]

    def test_finds_types_but_no_local_types_and_no_specializations(self):
        self.assertEqual(self.names('type'),
                         ['billbroker::Point', 'billbroker::Box', 'billbroker::Box::Kind',
                          'billbroker::Box::Nested', 'billbroker::::Private'])
        self.assertEqual(self.names('alias'), ['billbroker::Key'])

    def test_finds_functions_and_whether_they_are_public(self):
        public = {d.name: d.public for d in cpp.declarations(HEADER) if d.kind == 'function'}
        self.assertEqual(public, {'Box': True, '~Box': True, 'Load': True, 'Hidden': False,
                                  'Secret': False, 'operator': True})

    def test_finds_out_of_line_nested_types_and_nested_namespaces(self):
        text = 'namespace a::b {\nclass C::D {\n};\nvoid F() {\n}\nstruct E {};\n}\n'
        self.assertEqual(self.names('type', text), ['a::b::C::D', 'a::b::E'])


class DefinitionsTest(unittest.TestCase):
    TYPE = 'namespace a {\nstruct T {};\n}\n'

    def duplicates(self, *paths, text=TYPE):
        return [path for path, *_ in definitions.check({p: text for p in paths})]

    def test_finds_a_name_that_two_files_of_the_product_define(self):
        self.assertEqual(self.duplicates('client/a.h', 'server/app/b.cc'), ['server/app/b.cc'])

    def test_names_the_other_file_and_the_line(self):
        [(path, line, words, fix)] = definitions.check({'a/a.h': self.TYPE, 'a/b.h': '\n' + self.TYPE})
        self.assertEqual((path, line, words), ('a/b.h', 3, 'a::T'))
        self.assertIn('a/a.h', fix)

    def test_finds_a_name_of_the_product_in_a_test(self):
        self.assertEqual(self.duplicates('vault/a.h', 'tests/vault/a_test.cc'), ['tests/vault/a_test.cc'])

    def test_finds_a_name_that_two_tests_of_one_directory_define(self):
        self.assertEqual(self.duplicates('tests/a/a_test.cc', 'tests/a/b_test.cc'), ['tests/a/b_test.cc'])
        self.assertEqual(self.duplicates('tests/a/a_test.cc', 'tests/b/b_test.cc'), [])

    def test_accepts_one_name_in_two_namespaces_and_declarations(self):
        anonymous = 'namespace a {\nnamespace {\nstruct T {};\n}\n}\n'
        self.assertEqual(self.duplicates('a/a.cc', 'a/b.cc', text=anonymous), [])
        self.assertEqual(list(definitions.check({
            'a/a.h': self.TYPE, 'a/b.h': 'namespace a {\nstruct T;\nclass C { struct T {}; };\n}\n'})), [])


class FunctionCommentsTest(unittest.TestCase):
    def words(self, comment, declaration='int F(int a);', path='vault/a.h'):
        text = f'namespace a {{\n\n// {comment}\n{declaration}\n}}\n'
        return [(line, words) for line, words, _ in function_comments.check(path, text)]

    def test_finds_comments_that_do_not_begin_with_a_verb(self):
        for comment in ('The sum.', 'What it holds.', 'Whether it is set.', 'Sessions of a user.',
                        '`a` is the id.', 'Return the sum.', 'As G().'):
            with self.subTest(comment):
                self.assertEqual(self.words(comment), [(3, comment)])

    def test_accepts_a_verb_or_a_label(self):
        for comment in ('Returns the sum.', 'Never blocks; returns 0.', 'Safely ends it.',
                        'Errors: none.', 'Thread-safe.', 'Lists the names.', 'Is called once.'):
            with self.subTest(comment):
                self.assertEqual(self.words(comment), [])

    def test_looks_at_public_functions_of_the_product_only(self):
        self.assertEqual(self.words('The sum.', path='tests/a.h'), [])
        self.assertEqual(self.words('The sum.', path='vault/a.cc'), [])
        self.assertEqual(self.words('The sum.', 'int sum;'), [])
        self.assertEqual(self.words('The sum.', 'class A {\n // The one.\n void F();\n A(int a);\n};'), [])
        self.assertEqual(self.words('A sum.', 'struct A {\n // The one.\n void F();\n};'), [(5, 'The one.')])
        self.assertEqual(self.words('A sum.', 'struct A {\n // The one.\n explicit A(int a);\n};'), [])


if __name__ == '__main__':
    unittest.main()
