"""A local Salesforce org: REST resources, SOQL and OAuth as strict as the documents say, on loopback.

What only a live org could settle, or only chance bring about, is a switch (`POST /__switches`):

| switch | effect |
|---|---|
| `keyed_tasks` | false: Activity takes no external-id or unique field, and one made before is a key no longer |
| `row_faults` | `[{object, match, times, statusCode, message, fields}]`: records that fail, one by one |
| `locked_records` | `{id: times}`: writes of that record, or of what hangs on it, that find it locked |
| `validation_rules` | `{type: [{when: {field: value}, was: {…}, message, field}]}`: an admin's validation rules |
| `duplicate_rules` | `{type: {match: [fields], allow_save, on_edit, name, message}}`: a rule that alerts or blocks |
| `required_fields` | `{type: [fields]}`: custom fields an admin made required; one that is not there is made |
| `hidden_fields`, `read_only_fields` | `{type: [fields]}`: fields an admin took away, or left readable only |
| `unavailable_record_types` | `[developer names]`: record types that are not assigned to this user |
| `sales_processes` | `{record type: [stages]}`: the stages that an admin gave a record type; else all |
| `object_permissions` | `{type: [create, read, edit, delete]}`: all that is left of the permissions on a type |
| `job_polls`, `job_seconds` | looks (2), or instead seconds by the clock, that see a Bulk API 2.0 job through |
| `job_faults` | `[{object, operation, times, after, message, unrecorded}]`: jobs that fail, or lose results |
| `job_bytes` | the most one upload may hold (100 MB) |
| `page_size` | rows a query page holds |
| `daily_api_requests` | calls a rolling day |
| `connected_app_name` | the app whose own usage stands in `Sforce-Limit-Info` too |
| `view_setup` | false: this user sees neither `limits` nor permission sets nor what Tooling tells |
| `customize_application`, `modify_metadata` | false: this user may not change the schema, or not by deploying |
| `deploy_failures` | `{full name: problem}`: components that the org does not take |
| `deploy_polls` | looks (1) that see a deployment through |
| `fields_in_use` | `{Object.Field__c: [what uses it]}`: fields that cannot be deleted |
| `token_seconds`, `session_epoch` | how long a session holds; a new epoch ends every session |
| `connected_apps` | more apps that may log in: `[{consumer_key, consumer_secret, username, public_key}]` |

Beside the object types, those of Tooling among them (`CustomField`, `QuickActionDefinition`), `/__state` knows `jobs`
(ingest jobs, read only), `api_requests` (`[{at, count}]`: calls of the last 24 hours; what is loaded counts as made by
others) and `merges` (`[{loser, survivor}]`, to be loaded: accounts a person merges). Rows loaded with `IsArchived` are
shown to `queryAll` only.
"""

from connector.sandbox.salesforce.app import create_app
from connector.sandbox.salesforce.credentials import Credentials, make_credentials

__all__ = ["Credentials", "create_app", "make_credentials"]
