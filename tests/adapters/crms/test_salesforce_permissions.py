"""What our permission sets open beside records and fields: enough for the user we run as, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crm_worlds import SalesforceWorld
from installed_places import told, wanted

from connector.domain.installation import Doing

New = Callable[..., SalesforceWorld]
SYSTEM = ("PermissionsActivitiesAccess", "PermissionsApiEnabled", "PermissionsEditTask")


def permitted(world: SalesforceWorld) -> dict[str, list[str]]:
    """What our permission sets open beside records and fields."""
    return {row["Name"]: [name for name in SYSTEM if row[name]] for row in world.store.dump("PermissionSet")}


@pytest.mark.parametrize("deploys", [True, False])
def test_the_connectors_user_needs_no_other_permission_set(new_salesforce: New, deploys: bool) -> None:
    """Deployed or made one by one, ours opens the API and tasks, the one for sales people nothing but fields."""
    world = new_salesforce(modify_metadata=deploys)

    world.crm.setup.install(wanted(world))

    assert permitted(world) == {"Expansion_Connector": list(SYSTEM), "Expansion_Sales": []}


def test_a_permission_set_that_lacks_the_api_is_mended(new_salesforce: New) -> None:
    """One that was made before, or changed by an admin, gets what it lacks, and nothing the next time."""
    world = new_salesforce()
    world.crm.setup.install(wanted(world))
    (ours,) = [row for row in world.store.dump("PermissionSet") if row["Name"] == "Expansion_Connector"]
    world.store.load("PermissionSet", [{**ours, "PermissionsApiEnabled": False}])

    (planned,) = [step for step in world.crm.setup.survey(wanted(world)) if step.doing is Doing.CHANGE]
    done = world.crm.setup.install(wanted(world))

    assert (planned.name, planned.detail) == ("Expansion_Connector", "also opens API Enabled")
    assert told(done, Doing.CHANGE) == ["permission set Expansion_Connector"]
    assert permitted(world)["Expansion_Connector"] == list(SYSTEM)
    assert world.crm.setup.install(wanted(world)) == []
