#include "server/session/sqlite/stored_row.h"

#include <type_traits>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/session/sqlite/row_json.h"

namespace billbroker {
namespace {

// Raise it with any change of the payload or of the associated data, and keep reading the old one.
constexpr std::uint64_t kFormat = 1;

// Each piece with its length, so that no two rows read the same.
std::string PlaceOf(const SealedRow& row) {
  std::string place = absl::StrCat("billbroker row ", kFormat, ",", row.kind, ",", row.generation);
  for (const std::string* piece : {&row.owner, &row.thing, &row.boot}) {
    absl::StrAppend(&place, ",", piece->size(), ":", *piece);
  }
  return place;
}

constexpr absl::string_view kCanaryPlace = "billbroker canary";

RowKey Key(const StoredSlot& slot) {
  return {RowKind::kSlot, slot.credential_uid, slot.organization_id};
}
RowKey Key(const SlotForgotten& slot) {
  return {RowKind::kSlot, slot.credential_uid, slot.organization_id};
}
RowKey Key(const StoredAttempt& attempt) { return {RowKind::kAttempt, attempt.id, ""}; }
RowKey Key(const AttemptForgotten& attempt) { return {RowKind::kAttempt, attempt.id, ""}; }
RowKey Key(const StoredQuarantine& entry) { return {RowKind::kQuarantine, entry.scope, ""}; }
RowKey Key(const QuarantineLifted& entry) { return {RowKind::kQuarantine, entry.scope, ""}; }
RowKey Key(const StoredAuditHead&) { return {RowKind::kAuditHead, "", ""}; }

}  // namespace

absl::string_view RowKindName(int kind) {
  switch (static_cast<RowKind>(kind)) {
    case RowKind::kSlot:
      return "slot";
    case RowKind::kAttempt:
      return "attempt";
    case RowKind::kQuarantine:
      return "quarantine";
    case RowKind::kAuditHead:
      return "audit_head";
  }
  return "unknown";
}

RowKey KeyOf(const StoreChange& change) {
  return absl::visit([](const auto& what) { return Key(what); }, change);
}

bool IsRemoval(const StoreChange& change) {
  return absl::holds_alternative<SlotForgotten>(change) ||
         absl::holds_alternative<AttemptForgotten>(change) ||
         absl::holds_alternative<QuarantineLifted>(change);
}

bool HasTimesSinceBoot(const StoreChange& change) {
  if (const auto* slot = absl::get_if<StoredSlot>(&change)) return slot->session != nullptr;
  if (const auto* quarantine = absl::get_if<StoredQuarantine>(&change)) {
    return quarantine->entry.lapses.has_value();
  }
  return absl::holds_alternative<StoredAttempt>(change);
}

RowCodec::RowCodec(const SecretString& master_key, std::string boot_id)
    : box_(master_key), fingerprinter_(master_key), boot_id_(std::move(boot_id)) {}

SealedRow RowCodec::Write(const StoreChange& change) const {
  const RowKey key = KeyOf(change);
  SealedRow row{static_cast<int>(key.kind), key.owner, key.thing, 0, boot_id_, ""};
  if (key.kind == RowKind::kQuarantine) {
    row.owner = fingerprinter_.Of("quarantine row", SecretString::CopyOf(key.owner));
  }
  if (const auto* slot = absl::get_if<StoredSlot>(&change)) row.generation = slot->generation;
  absl::visit(
      [&](const auto& what) {
        using Change = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<Change, StoredSlot> || std::is_same_v<Change, StoredAttempt> ||
                      std::is_same_v<Change, StoredQuarantine> ||
                      std::is_same_v<Change, StoredAuditHead>) {
          row.sealed = box_.Seal(WritePayload(what), PlaceOf(row));
        }
      },
      change);
  return row;
}

absl::optional<StoreChange> RowCodec::Read(const SealedRow& row) const {
  const absl::StatusOr<SecretString> payload = box_.Open(row.sealed, PlaceOf(row));
  if (!payload.ok()) return absl::nullopt;
  switch (static_cast<RowKind>(row.kind)) {
    case RowKind::kSlot: {
      StoredSlot slot{row.owner, row.thing, row.generation, nullptr, 0};
      if (ReadPayload(*payload, slot)) return StoreChange(std::move(slot));
      break;
    }
    case RowKind::kAttempt: {
      StoredAttempt attempt;
      attempt.id = row.owner;
      if (ReadPayload(*payload, attempt)) return StoreChange(std::move(attempt));
      break;
    }
    case RowKind::kQuarantine: {
      StoredQuarantine quarantine;
      if (ReadPayload(*payload, quarantine)) return StoreChange(std::move(quarantine));
      break;
    }
    case RowKind::kAuditHead: {
      StoredAuditHead head;
      if (ReadPayload(*payload, head)) return StoreChange(std::move(head));
      break;
    }
  }
  return absl::nullopt;
}

std::string RowCodec::WriteCanary() const { return box_.Seal(SecretString(), kCanaryPlace); }

bool RowCodec::IsCanary(absl::string_view sealed) const {
  return box_.Open(sealed, kCanaryPlace).ok();
}

}  // namespace billbroker
