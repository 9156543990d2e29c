"""What can be set on a portal: POST any of these to `/__switches`.

Open questions about the real API are switches, so that a client can be tried against each answer; the defaults are
the documented behaviour. What an administrator decides, and what a bad day brings, are switches too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SWITCHES: Mapping[str, Any] = {
    # --- open questions -----------------------------------------------------------------------------------------
    # "trace": 207 only when each input has its own objectWriteTraceId; "always": 207 whenever one fails;
    # "never": one bad input refuses the batch and only the first is named.
    "multi_status": "trace",
    # Error items of a 207 without `errors` and `links`, as guide and recordings show them, or with, as the
    # specification requires.
    "bare_errors": True,
    "shuffle_seed": 1,
    # What a batch update of a merged record answers: "survivor", the record it was merged into; "omitted", nothing,
    # neither a result nor an error, and nothing is written.
    "merged_update": "survivor",
    # Whether tasks take a property with hasUniqueValue.
    "keyed_tasks": True,
    # Status of an objects batch/create that succeeded: 200 or 201.
    "batch_created": 201,
    # Status of an associations batch/create; None: 200 on 2026-09, 201 before.
    "associations_created": None,
    # Most inputs of an associations batch/read: the guide says 1,000, a change note once said 100.
    "associations_read": 1_000,
    # Order of a property's history: "newest" first or "oldest" first.
    "history_order": "newest",
    # Whether rich text is, beyond being sanitised, rewritten: line breaks become spaces, <br/> becomes <br>.
    "html_rewritten": False,
    # Whether a bearer token's scopes are told by the private apps' token information; a service key may not be one.
    "token_info": True,
    # --- what takes time ----------------------------------------------------------------------------------------
    # Seconds on the portal's clock until search knows of a write.
    "search_lag": 10.0,
    # Seconds of real elapsed time until a new property can be read and written; a live portal takes 0.25 to 0.7.
    "property_lag": 0.0,
    # Seconds of real elapsed time for which a written record answers further writes with 423; a live portal: 2.
    "record_lock": 0.0,
    # --- the administrator --------------------------------------------------------------------------------------
    # Properties required on create, over HubSpot's own: {"deals": ["hs_next_step"]}.
    "required": {},
    # Properties required once others have a value:
    # {"deals": [{"when": {"dealstage": "closedwon"}, "require": ["closed_won_reason"]}]}.
    "conditional": {},
    # Validation rules by their public names, of which MIN_LENGTH, MAX_LENGTH, MIN_NUMBER, MAX_NUMBER and REGEX are
    # known here: {"deals": {"amount": {"MAX_NUMBER": "100000"}}}.
    "validations": {},
    # Properties that workflows, lists or reports use, and so cannot be archived:
    # {"deals.expansion_key": ["Workflow X"]}.
    "properties_in_use": {},
    # Further access tokens and what each may do: {"narrow": ["crm.objects.deals.read"]}. None: everything.
    "tokens": {},
    # Scopes of tokens got through OAuth; None: everything.
    "oauth_scopes": None,
    # Workflows that act on records: [{"id": "7", "name": "Mail new deals", "objectTypeId": "0-3", "isEnabled": true}].
    "flows": [],
    # Whether the person who made the app has lost access to the portal: every call answers 403.
    "creator_lost_access": False,
    # What account-info says, over the defaults: {"timeZone": "America/New_York"}.
    "account": {},
    # --- limits and outages -------------------------------------------------------------------------------------
    # Short windows are counted on real elapsed time, whatever the clock says; the day is the portal's own.
    "limits": True,
    "limit_ten_seconds": 190,  # an app's; each access token is one
    "limit_oauth": 110,  # the same of an app installed through OAuth
    "limit_search": 5,  # the account's
    "limit_daily": 625_000,  # the account's; apps installed through OAuth do not count
    # Calls that other apps made, by the portal's day: {"2026-06-01": 624000}.
    "daily_elsewhere": {},
    # Moment on the portal's clock until which the account moves between data centres and every call answers 477.
    "migrating_until": None,
    # Longest path and query taken; a longer one answers 414.
    "longest_url": 16_384,
}
