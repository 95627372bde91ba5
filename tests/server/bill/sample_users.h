// Organizations and users of the simulator's sample data, as credentials of environment "test".
#pragma once

#include <memory>

#include "vault/base/secret_string.h"
#include "vault/credential.h"

namespace billbroker {

inline constexpr char kPayables[] = "00801ACMEPAYABLES0001";
inline constexpr char kReceivables[] = "00801ACMERECEIVE00002";
inline constexpr char kBakery[] = "00801CLIENTBAKERY0003";
inline constexpr char kAcmeUsername[] = "payables@acme.example";
inline constexpr char kAcmeDevKey[] = "devkey-acme-0001";

inline CredentialPtr AcmeUser() {
  auto user = std::make_shared<Credential>();
  user->name = "acme-payables-user";
  user->environment = "test";
  user->username = kAcmeUsername;
  user->dev_key = SecretString::CopyOf(kAcmeDevKey);
  user->password = SecretString::CopyOf("correct-horse-battery");
  user->organizations.push_back({kPayables, SecretString()});
  user->organizations.push_back({kReceivables, SecretString()});
  return user;
}

inline CredentialPtr Accountant() {
  auto console = std::make_shared<Credential>();
  console->name = "accountants-books";
  console->environment = "test";
  console->kind = CredentialKind::kConsole;
  console->username = "books@accountants.example";
  console->console_api_token = SecretString::CopyOf("console-token-0001");
  console->organizations.push_back({kBakery, SecretString::CopyOf("devkey-client-0001")});
  return console;
}

inline CredentialPtr Partner() {
  auto partner = std::make_shared<Credential>();
  partner->name = "partner-of-payables";
  partner->environment = "test";
  partner->kind = CredentialKind::kPartner;
  partner->username = "api@partner.example";
  partner->password = SecretString::CopyOf("partner-password-0001");
  partner->app_key = SecretString::CopyOf("appkey-partner-0001");
  partner->dev_key = SecretString::CopyOf(kAcmeDevKey);
  partner->organizations.push_back({kPayables, SecretString(), "00601ACMEUSER00000001"});
  return partner;
}

}  // namespace billbroker
