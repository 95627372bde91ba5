// What libcurl's failures mean, in our words and with the fix where there is one.
#pragma once

#include <curl/curl.h>

#include "server/bill/bill_error.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"

namespace billbroker {

// kUnavailable for a transfer of `easy` that ended with `code`, which is not CURLE_OK. Holds
// nothing that the other side sent.
[[nodiscard]] BillError DescribeFailure(CURL* easy, CURLcode code, const Environment& environment,
                                        const CurlOptions& options);

// False only where no byte of the request can have been sent.
[[nodiscard]] bool MayHaveArrived(CURL* easy, CURLcode code);

}  // namespace billbroker
