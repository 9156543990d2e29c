"""On data that nobody here made: an order where there is one, "no evidence" where there is none, leaks named."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connector.compute.propensity_fit import fit
from connector.compute.propensity_judge import auc
from connector.compute.propensity_pairs import Floats
from connector.compute.propensity_predict import predict
from connector.domain.propensity import Evidence
from connector.services.propensity import Fitted, _read, fit_file

ADD_ONS = ("OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies")
CHARGES = ("MonthlyCharges", "TotalCharges")


def telco(data: Path, folder: Path, left_out: Sequence[str], offers: Sequence[str] = ADD_ONS) -> tuple[Path, Path]:
    """Write internet customers × add-ons, and who holds which of them."""
    with (data / "Telco-Customer-Churn.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["InternetService"] != "No"]
    features = [name for name in rows[0] if name not in (*ADD_ONS, *left_out, "customerID", "Churn")]
    pairs, held = folder / "pairs.csv", folder / "held.csv"
    with pairs.open("w", newline="") as out, held.open("w", newline="") as also:
        to, holding = csv.writer(out), csv.writer(also)
        to.writerow(["account_id", "offer_id", "adopted", *features])
        holding.writerow(["account_id", "offer_id"])
        for row in rows:
            told = [row[name] for name in features]
            to.writerows([row["customerID"], offer, int(row[offer] == "Yes"), *told] for offer in offers)
            holding.writerows([row["customerID"], name] for name in ADD_ONS if row[name] == "Yes")
    return pairs, held


def fitted(files: tuple[Path, Path]) -> Fitted:
    return fit_file(*files, files[0].with_name("card.json"))


def test_telco_add_ons_are_ranked_without_the_bill(public_data: Path, tmp_path: Path) -> None:
    """Six add-ons: mean AUC of at least .77 on customers not seen, without charges, and no leak is cried."""
    found = [fitted(telco(public_data, tmp_path, CHARGES, [offer])).card for offer in ADD_ONS]
    pooled = fitted(telco(public_data, tmp_path, CHARGES)).card

    assert np.mean([card.quality.auc for card in found]) >= 0.77
    assert pooled.quality.auc_within_offers is not None
    assert pooled.quality.auc_within_offers >= 0.77
    assert {card.evidence for card in (*found, pooled)} == {Evidence.MODEL}
    assert pooled.warnings == ()


def test_telco_charges_are_called_a_leak(public_data: Path, tmp_path: Path) -> None:
    """The bill contains the add-ons: with it the order is near perfect, and the warning has both figures."""
    card = fitted(telco(public_data, tmp_path, ())).card

    assert card.quality.auc is not None
    assert card.quality.auc > 0.98
    warning = next(one for one in card.warnings if one.startswith("MonthlyCharges"))
    assert "AUC 1.00 with, 0.8" in warning


def test_a_reversed_scorecard_costs_nothing_at_forty_adoptions(public_data: Path, tmp_path: Path) -> None:
    """Where forty adopters tell that a scorecard ranks the wrong way, the blend is within .03 of the model alone."""
    pairs, _ = _read(*telco(public_data, tmp_path, CHARGES, ["TechSupport"]))
    order = np.random.default_rng(0).permutation(len(pairs))
    cut = int(np.searchsorted(np.cumsum(pairs.adopted[order] == 1), 40)) + 1
    train, test = pairs.take(order[:cut]), pairs.take(order[cut:])
    against = -predict(fit(pairs), pairs).logit

    def judged(prior: Floats | None) -> float:
        own = None if prior is None else 1 / (1 + np.exp(-prior))
        card = fit(replace(train, prior=None if own is None else own[order[:cut]]))
        scored = predict(card, replace(test, prior=None if own is None else own[order[cut:]]))
        found = auc(scored.logit, test.adopted.astype(float), test.account)
        assert found is not None
        return found.value

    assert judged(against) >= max(judged(None), 0.7) - 0.03


@pytest.mark.parametrize("label", ["upgrade_flag", "churn_flag"])
def test_ravenstack_is_no_evidence(public_data: Path, tmp_path: Path, label: str) -> None:
    """Its labels are noise, and the model says so."""
    folder = public_data / "ravenstack"
    with (folder / "ravenstack_feature_usage.csv").open() as file:
        used = Counter(row["subscription_id"] for row in csv.DictReader(file))
    with (folder / "ravenstack_accounts.csv").open() as file:
        accounts = {row["account_id"]: row for row in csv.DictReader(file)}
    pairs = tmp_path / "pairs.csv"
    with (folder / "ravenstack_subscriptions.csv").open() as file, pairs.open("w", newline="") as out:
        to = csv.writer(out)
        to.writerow(
            ["account_id", "offer_id", "adopted", "seats", "mrr", "plan", "billing", "used", "industry", "country"]
        )
        for row in csv.DictReader(file):
            of = accounts[row["account_id"]]
            told = [
                row["seats"],
                row["mrr_amount"],
                row["plan_tier"],
                row["billing_frequency"],
                used[row["subscription_id"]],
            ]
            to.writerow(
                [row["subscription_id"], label, int(row[label] == "TRUE"), *told, of["industry"], of["country"]]
            )

    card = fit_file(pairs, None, tmp_path / "card.json").card

    assert card.evidence is Evidence.NONE
    assert card.blend.weight == 0
