#include "server/session/sqlite/stored_row.h"

#include <initializer_list>
#include <type_traits>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/session/sqlite/row_json.h"

namespace billbroker {
namespace {

// Increase it with each change of the payload or of the associated data, and keep reading the
// format before.
constexpr std::uint64_t kFormat = 2;
constexpr std::uint64_t kFormat1 = 1;

// Each piece has its length, so that the texts of two places differ.
std::string PlaceOf(const SealedRow& row, std::uint64_t format) {
  std::string place = absl::StrCat("billbroker row ", format, ",", row.kind, ",", row.generation);
  for (const std::string* piece : {&row.owner, &row.thing, &row.boot}) {
    absl::StrAppend(&place, ",", piece->size(), ":", *piece);
  }
  return place;
}

constexpr absl::string_view kCanaryPlace = "billbroker canary";

std::string Owner(std::initializer_list<absl::string_view> parts) {
  std::string owner;
  for (const absl::string_view part : parts) absl::StrAppend(&owner, part.size(), ":", part);
  return owner;
}

RowKey Key(const UserId& user) {
  return {RowKind::kAcceptedSecret, Owner({user.environment, user.username, user.acting_as}), ""};
}
RowKey Key(const DevKeyBudgetId& dev_key) {
  return {RowKind::kSuspension, Owner({dev_key.environment, dev_key.dev_key_id}), ""};
}

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
RowKey Key(const StoredAcceptedSecret& secret) { return Key(secret.user); }
RowKey Key(const AcceptedSecretForgotten& secret) { return Key(secret.user); }
RowKey Key(const StoredSuspension& suspension) { return Key(suspension.dev_key); }
RowKey Key(const SuspensionEnded& suspension) { return Key(suspension.dev_key); }

template <typename Change>
constexpr bool kIsRemoval =
    std::is_same_v<Change, SlotForgotten> || std::is_same_v<Change, AttemptForgotten> ||
    std::is_same_v<Change, QuarantineLifted> || std::is_same_v<Change, AcceptedSecretForgotten> ||
    std::is_same_v<Change, SuspensionEnded>;

// Empty if the owner column holds the owner itself.
absl::string_view FingerprintContext(RowKind kind) {
  switch (kind) {
    case RowKind::kQuarantine:
      return "quarantine row";
    case RowKind::kAcceptedSecret:
      return "accepted secret row";
    case RowKind::kSuspension:
      return "suspension row";
    default:
      return "";
  }
}

template <typename Row>
absl::optional<StoreChange> ReadAs(const SecretString& payload, Row row) {
  if (!ReadPayload(payload, row)) return absl::nullopt;
  return StoreChange(std::move(row));
}

StoredAttempt AttemptOfRow(const SealedRow& row) {
  StoredAttempt attempt;
  attempt.id = row.owner;
  return attempt;
}

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
    case RowKind::kAcceptedSecret:
      return "accepted_secret";
    case RowKind::kSuspension:
      return "suspension";
  }
  return "unknown";
}

RowKey KeyOf(const StoreChange& change) {
  return absl::visit([](const auto& what) { return Key(what); }, change);
}

bool IsRemoval(const StoreChange& change) {
  return absl::visit([](const auto& what) { return kIsRemoval<std::decay_t<decltype(what)>>; },
                     change);
}

bool HasTimesSinceBoot(const StoreChange& change) {
  if (const auto* slot = absl::get_if<StoredSlot>(&change)) return slot->session != nullptr;
  if (const auto* quarantine = absl::get_if<StoredQuarantine>(&change)) {
    return quarantine->entry.lapses.has_value();
  }
  return absl::holds_alternative<StoredAttempt>(change) ||
         absl::holds_alternative<StoredSuspension>(change);
}

RowCodec::RowCodec(const SecretString& master_key, std::string boot_id)
    : box_(master_key), fingerprinter_(master_key), boot_id_(std::move(boot_id)) {}

SealedRow RowCodec::Write(const StoreChange& change) const { return Write(change, boot_id_); }

SealedRow RowCodec::Write(const StoreChange& change, const std::string& boot) const {
  const RowKey key = KeyOf(change);
  SealedRow row{static_cast<int>(key.kind), key.owner, key.thing, 0, boot, ""};
  if (const absl::string_view context = FingerprintContext(key.kind); !context.empty()) {
    row.owner = fingerprinter_.Of(context, SecretString::CopyOf(key.owner));
  }
  if (const auto* slot = absl::get_if<StoredSlot>(&change)) row.generation = slot->generation;
  absl::visit(
      [&](const auto& what) {
        if constexpr (!kIsRemoval<std::decay_t<decltype(what)>>) {
          row.sealed = box_.Seal(WritePayload(what), PlaceOf(row, kFormat));
        }
      },
      change);
  return row;
}

absl::optional<StoreChange> RowCodec::Read(const SealedRow& row) const {
  const absl::StatusOr<SecretString> payload = box_.Open(row.sealed, PlaceOf(row, kFormat));
  if (!payload.ok()) return absl::nullopt;
  switch (static_cast<RowKind>(row.kind)) {
    case RowKind::kSlot:
      return ReadAs(*payload, StoredSlot{row.owner, row.thing, row.generation, nullptr});
    case RowKind::kAttempt:
      return ReadAs(*payload, AttemptOfRow(row));
    case RowKind::kQuarantine:
      return ReadAs(*payload, StoredQuarantine());
    case RowKind::kAuditHead:
      return ReadAs(*payload, StoredAuditHead());
    case RowKind::kAcceptedSecret:
      return ReadAs(*payload, StoredAcceptedSecret());
    case RowKind::kSuspension:
      return ReadAs(*payload, StoredSuspension());
  }
  return absl::nullopt;
}

absl::optional<StoreChange> RowCodec::ReadVersion1(const SealedRow& row) const {
  const absl::StatusOr<SecretString> payload = box_.Open(row.sealed, PlaceOf(row, kFormat1));
  if (!payload.ok()) return absl::nullopt;
  switch (static_cast<RowKind>(row.kind)) {
    case RowKind::kSlot:
      return ReadAs(*payload, StoredSlot{row.owner, row.thing, row.generation, nullptr});
    case RowKind::kAttempt: {
      StoredAttempt attempt = AttemptOfRow(row);
      if (ReadPayloadVersion1(*payload, attempt)) return StoreChange(std::move(attempt));
      return absl::nullopt;
    }
    case RowKind::kQuarantine:
      return ReadAs(*payload, StoredQuarantine());
    case RowKind::kAuditHead:
      return ReadAs(*payload, StoredAuditHead());
    default:
      return absl::nullopt;
  }
}

std::string RowCodec::WriteCanary() const { return box_.Seal(SecretString(), kCanaryPlace); }

bool RowCodec::IsCanary(absl::string_view sealed) const {
  return box_.Open(sealed, kCanaryPlace).ok();
}

}  // namespace billbroker
