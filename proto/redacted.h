// The only way in which the broker prints a message: fields with the option (secret) show only
// their length.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace billbroker {

// Returns one line of text format, without line breaks, with every set secret field as `name:
// <secret of N bytes>`.
[[nodiscard]] std::string Redacted(const google::protobuf::Message& message);

// Overwrites and clears every secret field of `message`, in messages inside it too: protobuf keeps
// them on the ordinary heap.
void WipeSecrets(google::protobuf::Message& message);

}  // namespace billbroker
