// Descriptions of libcurl's failures, with the fix if there is one.
#pragma once

#include <curl/curl.h>

#include "server/bill/bill_error.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"

namespace billbroker {

// Returns kUnavailable for a transfer of `easy` that ended with `code`, which is not CURLE_OK. The
// result contains nothing that the server sent.
[[nodiscard]] BillError DescribeFailure(CURL* easy, CURLcode code, Delivery delivery,
                                        const Environment& environment, const CurlOptions& options);

}  // namespace billbroker
