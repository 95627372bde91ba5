#include "server/app/restoration.h"

#include <utility>

namespace billbroker {
namespace {

constexpr absl::Duration kCountedFor = absl::Hours(1);
constexpr absl::Duration kRetryInterval = absl::Seconds(5);

}  // namespace

Restoration::Restoration(Parts parts, MakePast make_past, std::function<void()> restored)
    : parts_(parts),
      make_past_(std::move(make_past)),
      restored_(std::move(restored)),
      link_(std::make_shared<Link>()) {
  MutexLock lock(link_->mutex);
  link_->restoration = this;
}

void Restoration::Stop() {
  MutexLock lock(link_->mutex);
  link_->restoration = nullptr;
}

void Restoration::Begin() {
  if (begun_) return;
  absl::StatusOr<SecretString> master_key = parts_.vault.MasterKey();
  if (!master_key.ok()) return;
  begun_ = true;
  past_ = make_past_(*master_key);
  {
    MutexLock lock(mutex_);
    audit_key_ = master_key->Clone();
  }
  parts_.store.Open(*master_key, [link = link_](StoreContents contents) {
    MutexLock lock(link->mutex);
    if (link->restoration != nullptr) link->restoration->OnOpened(std::move(contents));
  });
  OpenAudit();
  ServeWithoutStore();
}

void Restoration::OnOpened(StoreContents contents) {
  parts_.audit_head.Restore(contents);
  OpenAudit();
  parts_.audit.CheckHead();
  parts_.sessions.Restore(std::move(contents));
  {
    MutexLock lock(mutex_);
    opened_ = true;
  }
  restored_();
}

void Restoration::OpenAudit() {
  MutexLock lock(mutex_);
  if (!audit_key_.has_value()) return;
  parts_.audit.Open(*audit_key_);
  audit_key_.reset();
}

void Restoration::ServeWithoutStore() {
  {
    MutexLock lock(mutex_);
    if (opened_) return;
  }
  const absl::StatusOr<std::vector<PastSignIn>> past =
      past_->Since(parts_.clock.Now() - kCountedFor);
  parts_.sessions.ServeWithoutStore(past);
  restored_();
  if (past.ok()) return;
  parts_.executor.RunAfter(kRetryInterval, [this] { ServeWithoutStore(); });
}

}  // namespace billbroker
