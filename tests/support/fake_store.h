// FakeStore: interim.
#pragma once
#include "server/session/session_store.h"
#include "vault/base/mutex.h"
namespace billbroker {
class FakeStore final : public SessionStore {
 public:
  StoreContents Open(const SecretString&) override { return {}; }
  absl::Status WriteNow(StoreChange) override { return absl::OkStatus(); }
  void WriteSoon(StoreChange) override {}
  StoreState state() const override { return StoreState::kReady; }
};
}  // namespace billbroker
