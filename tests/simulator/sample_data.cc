#include "tests/simulator/data_file.h"

namespace billbroker::billsim {

absl::string_view SampleData() {
  return R"({
  "comment": "billsim sample: one user of two organizations, one Accountant Console user of a client organization with its own devKey, one API partner. All secrets here are made up.",
  "dev_keys": [
    {"key": "devkey-acme-0001", "active": true, "terms_accepted": true},
    {"key": "devkey-client-0001", "active": true, "terms_accepted": true}
  ],
  "app_keys": [
    {"key": "appkey-partner-0001", "active": true, "terms_accepted": true}
  ],
  "organizations": [
    {"id": "00801ACMEPAYABLES0001", "name": "Acme Payables", "dev_keys": ["devkey-acme-0001"]},
    {"id": "00801ACMERECEIVE00002", "name": "Acme Receivables", "dev_keys": ["devkey-acme-0001"]},
    {"id": "00801CLIENTBAKERY0003", "name": "Client Bakery", "dev_keys": ["devkey-client-0001"], "api_enabled": true, "locked": false}
  ],
  "users": [
    {
      "username": "payables@acme.example",
      "kind": "user",
      "password": "correct-horse-battery",
      "user_id": "00601ACMEUSER00000001",
      "organizations": ["00801ACMEPAYABLES0001", "00801ACMERECEIVE00002"],
      "active": true,
      "mfa": {
        "enrolled": true,
        "phone": "+1 555 0100",
        "token": "123456",
        "bypass": false,
        "trusted_devices": [
          {"remember_me_id": "remember-me-acme-0001", "device": "billbroker-demo"}
        ]
      }
    },
    {
      "username": "books@accountants.example",
      "kind": "console",
      "console_api_token": "console-token-0001",
      "user_id": "00601CONSOLEUSER00002",
      "organizations": ["00801CLIENTBAKERY0003"]
    },
    {
      "username": "api@partner.example",
      "kind": "partner",
      "password": "partner-password-0001",
      "user_id": "00601PARTNERUSER00003",
      "app_keys": ["appkey-partner-0001"],
      "organizations": ["00801ACMEPAYABLES0001", "00801ACMERECEIVE00002"]
    }
  ],
  "settings": {}
}
)";
}

}  // namespace billbroker::billsim
