// Calls of a session store that wait, for tests.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "server/session/session_store.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Opens the store and returns its contents; empty if it cannot be opened at the first try.
inline StoreContents OpenNow(SessionStore& store, const SecretString& master_key) {
  struct Opened {
    Mutex mutex;
    StoreContents contents;
  };
  const auto result = std::make_shared<Opened>();  // the store may open later
  store.Open(master_key, [result](StoreContents contents) {
    MutexLock lock(result->mutex);
    result->contents = std::move(contents);
  });
  MutexLock lock(result->mutex);
  return std::move(result->contents);
}

// Calls RecordAttempt() and waits for its answer.
inline absl::Status RecordAndWait(SessionStore& store, StoredAttempt attempt) {
  const auto answer = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answered = answer->get_future();
  store.RecordAttempt(std::move(attempt),
                      [answer](absl::Status status) { answer->set_value(std::move(status)); });
  return answered.get();
}

// Writes the change and waits until the store has written it or could not. Writes and removes an
// attempt behind any other change, because the store answers for attempts alone.
inline absl::Status WriteAndWait(SessionStore& store, StoreChange change) {
  if (auto* attempt = absl::get_if<StoredAttempt>(&change)) {
    return RecordAndWait(store, std::move(*attempt));
  }
  store.WriteSoon(std::move(change));
  StoredAttempt marker;
  marker.id = "attempt-that-marks-a-place";
  absl::Status status = RecordAndWait(store, marker);
  store.WriteSoon(AttemptForgotten{marker.id});
  return status;
}

}  // namespace billbroker
