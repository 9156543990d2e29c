"""A local Salesforce org: REST resources, SOQL and OAuth as strict as the documents say, on loopback.

What only a live org could settle, or only chance bring about, is a switch (`POST /__switches`):

| switch | effect |
|---|---|
| `keyed_tasks` | false: Activity takes no external-id or unique field, and one made before is a key no longer |
| `row_faults` | `[{object, match, times, statusCode, message, fields}]`: records that fail, one by one |
| `duplicate_rules` | `{type: {match: [fields], allow_save}}`: a duplicate rule that alerts or blocks |
| `page_size` | rows a query page holds |
| `daily_api_requests` | calls a rolling day |
| `token_seconds`, `session_epoch` | how long a session holds; a new epoch ends every session |
| `connected_apps` | more apps that may log in: `[{consumer_key, consumer_secret, username, public_key}]` |
"""

from connector.sandbox.salesforce.app import create_app
from connector.sandbox.salesforce.credentials import Credentials, make_credentials

__all__ = ["Credentials", "create_app", "make_credentials"]
