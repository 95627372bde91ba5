#include "server/app/health.h"

namespace billbroker {

void Health::Start() {
  for (const char* name : {"", kSessions}) set_(name, true);
}

void Health::SetVault(bool ready) {
  MutexLock lock(mutex_);
  vault_ = ready;
  Tell();
}

void Health::SetAudit(bool writable) {
  MutexLock lock(mutex_);
  audit_ = writable;
  Tell();
}

void Health::Tell() {
  for (const char* name : {kCredentials, kMfa}) set_(name, vault_ && audit_);
  set_(kAudit, audit_);
}

}  // namespace billbroker
