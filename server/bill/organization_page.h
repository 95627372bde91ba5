// Reads a page of GET /v3/login/organizations.
#pragma once

#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/bill_error.h"
#include "server/bill/http_answer.h"

namespace billbroker {

// Returns the organizations of one page. BILL documents nextPage but not the other fields, so all
// usual names are accepted: the list is an array, or in `results`, `organizations`, `items` or
// `data` of an object; an id is in `id`, `organizationId` or `organization_id`, a name in `name`,
// `organizationName` or `organization_name`. `nextPage` is a text or a number; it is absent, null
// or "" on the last page.
//
// Fails with kUnavailable if there is no list, if an entry has no valid id (an operator would
// search in vain for an organization that was left out silently), or if nextPage is malformed. A
// malformed name is cleaned, because it is for people only. `now` as for ReadRefusal().
[[nodiscard]] BillResult<OrganizationPage> ReadOrganizationPage(const HttpAnswer& answer,
                                                                absl::Time now);

}  // namespace billbroker
