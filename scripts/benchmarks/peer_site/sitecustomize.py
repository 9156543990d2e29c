"""Makes a peer's Python live by the benchmark's clock and call the stand-in; loaded because PYTHONPATH names it.

drt-core's HubSpot destination has no setting for its base URL, so the constant that holds it is replaced. It also puts
an `idProperty` beside the properties of a create, which HubSpot's schema does not know and our stand-in refuses; the
real one may ignore it, so the peer gets the benefit of the doubt and the member is left out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

if "BENCH_TIME_FILE" in os.environ:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from shared_clock import SharedClock

    sys.path.pop(0)
    SharedClock(Path(os.environ["BENCH_TIME_FILE"])).take_over()

    import httpx
    from drt.destinations import hubspot  # type: ignore[import-not-found]

    hubspot._HUBSPOT_API = os.environ["BENCH_HUBSPOT_URL"] + "/crm/v3/objects"

    class WithoutIdProperty(httpx.Client):
        """Creates a record from its properties alone."""

        def post(self, url: httpx.URL | str, **options: Any) -> httpx.Response:
            options["json"] = {"properties": options["json"]["properties"]}
            return super().post(url, **options)

    httpx.Client = WithoutIdProperty  # type: ignore[misc]
