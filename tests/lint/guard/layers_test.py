import unittest

import layers


def refused(path, *headers):
    text = ''.join(f'#include {h if h[0] == "<" else chr(34) + h + chr(34)}\n' for h in headers)
    return [words for _, words, _ in layers.check(path, text)]


class LayersTest(unittest.TestCase):
    def test_refuses_includes_against_the_arrows(self):
        for path, header in (
                ('vault/base/clock.h', 'vault/vault.h'),
                ('vault/base/clock.h', 'vault/base/json/json_reader.h'),
                ('vault/base/json/json_reader.h', 'vault/vault.h'),
                ('vault/vault.h', 'server/bill/bill_api.h'),
                ('server/bill/answer.h', 'server/session/session.h'),
                ('server/session/session_manager.h', 'server/credentials/rotation.h'),
                ('server/session/session_manager.h', 'server/session/sqlite/sqlite_store.h'),
                ('server/credentials/rotation.h', 'server/rpc/authorizer.h'),
                ('server/rpc/authorizer.h', 'server/app/config.h'),
                ('server/access/policy.h', 'server/session/session.h'),
                ('server/access/audit/audit_log.h', 'server/session/session.h'),
                ('server/app/doors.h', 'vault/keyring/keyring_vault.h'),
                ('server/app/doors.h', 'server/bill/curl_bill_api.h'),
                ('server/session/session_manager.h', 'proto/status.h'),
                ('client/channel.h', 'server/rpc/authorizer.h'),
                ('client/channel.h', 'vault/vault.h'),
                ('client/cli/cli.h', 'vault/keyring/keyring_vault.h'),
                ('vault/vault.h', 'tests/support/fake_vault.h')):
            with self.subTest(f'{path} {header}'):
                self.assertEqual(refused(path, header), [header])

    def test_accepts_includes_along_the_arrows(self):
        for path, header in (
                ('vault/vault.h', 'vault/base/clock.h'),
                ('server/bill/answer.cc', 'vault/base/json/json_view.h'),
                ('server/rpc/authorizer.h', 'vault/base/clock.h'),
                ('server/rpc/authorizer.h', 'server/access/audit/audit_log.h'),
                ('server/app/config.h', 'server/bill/curl_options.h'),
                ('server/app/main.cc', 'server/bill/curl_bill_api.h'),
                ('server/app/main.cc', 'vault/keyring/keyring_vault.h'),
                ('client/cli/vault_probe.cc', 'vault/keyring/keyring_vault.h'),
                ('client/channel.h', 'vault/base/secret_string.h'),
                ('tests/vault/a.h', 'server/app/config.h')):
            with self.subTest(f'{path} {header}'):
                self.assertEqual(refused(path, header), [])

    def test_keeps_libraries_where_they_belong(self):
        self.assertEqual(refused('server/session/session_manager.h', '<grpcpp/grpcpp.h>', 'billbroker/v1/session.pb.h',
                                 '<curl/curl.h>', '<sqlite3.h>', '<string>'),
                         ['grpcpp/grpcpp.h', 'billbroker/v1/session.pb.h', 'curl/curl.h', 'sqlite3.h'])
        self.assertEqual(refused('server/rpc/authorizer.h', '<grpcpp/grpcpp.h>', '<sodium.h>'), [])

    def test_keeps_json_out_of_modules_without_a_row(self):
        for path in ('vault/credential.cc', 'server/bill/answer.cc', 'server/session/session_manager.cc', 'server/rpc/authorizer.cc',
                     'server/access/policy.cc', 'server/app/main.cc', 'client/channel.cc'):
            with self.subTest(path):
                self.assertEqual(refused(path, '<nlohmann/json.hpp>', 'nlohmann/json_fwd.hpp'),
                                 ['nlohmann/json.hpp', 'nlohmann/json_fwd.hpp'])
        for path in ('server/app/log.cc', 'server/access/audit/audit_line.cc', 'client/cli/json.h'):
            with self.subTest(path):
                self.assertEqual(refused(path, '<nlohmann/json.hpp>'), [])

    def test_keeps_test_libraries_in_tests(self):
        headers = ('<httplib.h>', '<nghttp2/nghttp2.h>', '<gtest/gtest.h>', '<gmock/gmock.h>')
        for path in ('vault/vault.h', 'server/bill/curl_bill_api.cc', 'server/app/main.cc', 'client/cli/cli.h'):
            with self.subTest(path):
                self.assertEqual(refused(path, *headers), [header.strip('<>') for header in headers])
                self.assertEqual([fix for _, _, fix in layers.check(path, '#include <httplib.h>\n')],
                                 ['only tests may use this library'])
        self.assertEqual(refused('tests/simulator/https_front.h', *headers), [])

    def test_asks_for_a_row_for_a_new_module(self):
        self.assertEqual(refused('server/new/a.h'), ['server/new'])
        self.assertEqual(refused('server/rpc/authorizer.h', 'server/new/a.h'), ['server/new/a.h'])

    def test_rows_name_modules_that_exist(self):
        for module, uses in layers.MODULES.items():
            for used in uses:
                self.assertIn(used, layers.MODULES, module)
        for users in layers.LIBRARIES.values():
            for user in users:
                self.assertIn(user, layers.MODULES)


if __name__ == '__main__':
    unittest.main()
