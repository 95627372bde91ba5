// StubSecretProvider: a faultless Secret Service without a bus: executes calls on its items.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/stub_secret_fault.h"
#include "tests/support/stub_secret_items.h"
#include "tests/support/stub_secret_session.h"
#include "tests/support/stub_secret_variants.h"

namespace billbroker {

// How providers differ.
struct StubBehaviour {
  std::string collection = "login";  // the name of the first collection
  bool plain_only = false;           // refuses to encrypt
  std::string stale_session_error = stub_error::kNoSession;
  std::string missing_object_error = stub_error::kUnknownMethod;
  bool prompts_for_changes = false;         // CreateItem and Delete answer with a prompt
  bool reports_replaced_as_created = true;  // ItemCreated and not ItemChanged
  bool hides_locked_items = false;          // a search does not find them

  [[nodiscard]] static StubBehaviour GnomeKeyring() { return {}; }
  [[nodiscard]] static StubBehaviour KeePassXc();
  [[nodiscard]] static StubBehaviour KWallet();
};

struct StubAnswer {
  GVariantPtr body;        // null: an error
  std::string error = {};  // its D-Bus name
  std::string message = {};
};

// Copyable: a copy is a snapshot.
class StubSecretProvider final {
 public:
  explicit StubSecretProvider(StubBehaviour options)
      : behaviour(std::move(options)), items(behaviour.collection) {}

  // Executes a call, but none of a prompt. `arguments` is a tuple.
  [[nodiscard]] StubAnswer Execute(const StubCall& call, GVariant* arguments);

  StubBehaviour behaviour;
  StubSecretItems items;
  StubSecretSessions sessions;
  bool person_agrees = false;             // Unlock() opens locks that need a person
  std::vector<std::string> omitted = {};  // the items that answers do not contain

 private:
  using Handler = StubAnswer (StubSecretProvider::*)(const std::string& path, GVariant* arguments);
  struct Method;
  static const Method* FindMethod(const std::string& name);

  StubAnswer OpenSession(const std::string& path, GVariant* arguments);
  StubAnswer CloseSession(const std::string& path, GVariant* arguments);
  StubAnswer SearchService(const std::string& path, GVariant* arguments);
  StubAnswer Unlock(const std::string& path, GVariant* arguments);
  StubAnswer Lock(const std::string& path, GVariant* arguments);
  StubAnswer GetSecrets(const std::string& path, GVariant* arguments);
  StubAnswer ReadAlias(const std::string& path, GVariant* arguments);
  StubAnswer SetAlias(const std::string& path, GVariant* arguments);
  StubAnswer CreateCollection(const std::string& path, GVariant* arguments);
  StubAnswer DeleteCollection(const std::string& path, GVariant* arguments);
  StubAnswer SearchCollection(const std::string& path, GVariant* arguments);
  StubAnswer CreateItem(const std::string& path, GVariant* arguments);
  StubAnswer DeleteItem(const std::string& path, GVariant* arguments);
  StubAnswer GetSecret(const std::string& path, GVariant* arguments);
  StubAnswer SetSecret(const std::string& path, GVariant* arguments);
  StubAnswer GetProperty(const std::string& path, GVariant* arguments);
  StubAnswer GetAllProperties(const std::string& path, GVariant* arguments);
  StubAnswer SetProperty(const std::string& path, GVariant* arguments);

  // Returns the error for an unknown object, a lock or an unknown session; otherwise an empty
  // answer.
  [[nodiscard]] StubAnswer CheckItem(const std::string& path) const;
  [[nodiscard]] StubAnswer CheckSession(const std::string& session) const;
  [[nodiscard]] StubAnswer Missing(const std::string& path) const;
  // Returns the matching items that an answer may contain.
  [[nodiscard]] std::vector<StubItem> Found(const StubAttributes& attributes,
                                            const std::string& collection) const;
  [[nodiscard]] bool IsOmitted(const std::string& path) const;
  [[nodiscard]] GVariant* Sealed(const StubItem& item, const std::string& session) const;
  // Reads a secret off the bus into `item`.
  [[nodiscard]] StubAnswer Unseal(GVariant* secret, StubItem& item) const;
  // Returns the properties (a{sv}) of an object; null if it has no such interface.
  [[nodiscard]] GVariantPtr Properties(const std::string& path, const std::string& interface) const;
};

}  // namespace billbroker
