#include "proto/redacted.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "billbroker/v1/options.pb.h"
#include "vault/base/secret_string.h"

namespace billbroker {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsSecret(const FieldDescriptor& field) { return field.options().GetExtension(v1::secret); }

// Calls visit(message, field) for each set secret field of `message`, in messages inside it too.
// Secrets are strings that are not repeated: buf and redacted_test hold the protos to that.
template <typename Visit>
void ForEachSecret(Message& message, const Visit& visit) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsSecret(*field)) {
      visit(message, *field);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (!field->is_repeated()) {
      ForEachSecret(*reflection.MutableMessage(&message, field), visit);
    } else {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        ForEachSecret(*reflection.MutableRepeatedMessage(&message, field, i), visit);
      }
    }
  }
}

void Wipe(Message& message, const FieldDescriptor& field) {
  std::string scratch;
  const std::string& held = message.GetReflection()->GetStringReference(message, &field, &scratch);
  // Reflection gives no mutable string; the message is ours and about to be cleared.
  WipeString(const_cast<std::string&>(held));
  message.GetReflection()->ClearField(&message, &field);
}

}  // namespace

std::string Redacted(const Message& message) {
  const std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  ForEachSecret(*copy, [](Message& holder, const FieldDescriptor& field) {
    std::string scratch;
    const std::size_t size =
        holder.GetReflection()->GetStringReference(holder, &field, &scratch).size();
    Wipe(holder, field);
    holder.GetReflection()->SetString(&holder, &field,
                                      absl::StrCat("<secret of ", size, " bytes>"));
  });
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(*copy, &text);
  return std::string(absl::StripTrailingAsciiWhitespace(text));
}

void WipeSecrets(Message& message) { ForEachSecret(message, Wipe); }

}  // namespace billbroker
