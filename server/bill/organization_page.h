// Reads a page of GET /v3/login/organizations.
#pragma once

#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/bill_error.h"
#include "server/bill/http_answer.h"

namespace billbroker {

// BILL's reference names nextPage and not the fields beside it, so the usual names are all taken:
// the list is an array, or in `results`, `organizations`, `items` or `data` of an object; an id is
// in `id`, `organizationId` or `organization_id`, a name in `name`, `organizationName` or
// `organization_name`. `nextPage` is a text or a number; absent, null or "" on the last page.
//
// kUnavailable, as an answer out of shape, for no list, for an entry without an id in shape (an
// organization left out unseen would be looked for in vain), or a nextPage that is something else.
// A name out of shape is cleaned: it is for people. `now` as for ReadRefusal().
[[nodiscard]] BillResult<OrganizationPage> ReadOrganizationPage(const HttpAnswer& answer,
                                                                absl::Time now);

}  // namespace billbroker
