// Environment: the address of a BILL, from the configuration. No RPC can name a URL.
#pragma once

#include <string>

namespace billbroker {

struct Environment {
  std::string name;      // 1 to 64 characters of [a-z0-9-]
  std::string base_url;  // https, without a trailing slash, such as
                         // "https://gateway.stage.bill.com/connect"
  std::string ca_file;   // PEM; empty for the system's store
  std::string proxy;     // "http://host:port" or "https://host:port"; if empty, none is used,
                         // not even one in the process's environment
};

}  // namespace billbroker
