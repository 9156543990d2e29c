"""A French Excel export as the only source: semicolons, cp1252, `1 234,56 €`, 31/12/2026, usage by the month.

Code page 1252 has the no-break space that older versions of Excel group digits with; newer ones write UTF-8 with the
narrow one. Both are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from input_bench import Cli, Home, Portal, Row, company, environment, new_home, table

AS_OF = "2026-10-05"
NO_BREAK, NARROW = "\u00a0", "\u202f"
MAPPING = """\
version: 1
name: files
accounts:
  - files: ["clients.csv"]
    delimiter: ";"
    encoding: cp1252
    dates: ["%d/%m/%Y"]
    columns: {account_id: N° client, name: Raison sociale, domain: Site web, country: Pays, created_at: Créé le}
subscriptions:
  - files: ["abonnements*.csv"]
    delimiter: ";"
    encoding: cp1252
    decimal: ","
    thousands: " "
    dates: ["%d/%m/%Y"]
    time_zone: Europe/Paris
    currency: EUR
    columns: {subscription_id: N°, account_id: Client, offer_id: Offre, quantity: Qté, mrr: Mensuel, interval: Période,
              started_at: Début, ended_at: Fin, is_trial: Essai}
    values:
      offer_id: {Essentiel: starter, Professionnel: pro, Signature électronique: signature}
      interval: {mensuelle: month, annuelle: year}
usage:
  - files: ["documents*.csv"]
    delimiter: ";"
    decimal: ","
    thousands: " "
    dates: ["%d/%m/%Y"]
    grain: month
    columns: {account_id: Client, day: Mois, value: Nombre}
    constants: {metric: documents}
  - files: ["postes*.csv"]
    delimiter: ";"
    dates: ["%d/%m/%Y"]
    grain: month
    combine: max
    columns: {account_id: Client, day: Mois, value: Nombre}
    constants: {metric: active_seats}
"""


@dataclass(frozen=True)
class Ran:
    """What a plan, an explanation and two runs said."""

    cli: Cli
    planned: Row
    evidence: dict[str, str]
    first: Row
    second: Row
    second_writes: list[str]


def export(home: Home) -> None:
    """Fill the folder that Excel was told to save into."""
    home.write("mappings/billing/files.yaml", MAPPING)
    home.billing(
        "clients.csv",
        "N° client;Raison sociale;Site web;Pays;Créé le",
        "C-1;Crêperie des Halles SARL;https://www.halles.example/accueil;fr;02/01/2024",
        'C-2;"Œuvres & Frères; Fils";freres.example;FR;15/03/2025',
        "C-3;Noël Transports;noel.example;BE;01/06/2025",
        encoding="cp1252",
    )
    home.billing(
        "abonnements 2026.csv",
        "N°;Client;Offre;Qté;Mensuel;Période;Début;Fin;Essai",
        f"A-1;C-1;Professionnel;50;1{NO_BREAK}950,00{NO_BREAK}€;annuelle;15/01/2025;;non",
        "A-2;C-1;Signature électronique;2;70 €;mensuelle;01/02/2025;;non",
        "A-3;C-2;Essentiel;12;228,00;mensuelle;01/03/2026;;non",
        f"A-4;C-3;Professionnel;100;12{NO_BREAK}345,67{NO_BREAK}€;annuelle;30/09/2025;;non",
        f"A-5;C-2;Professionnel;10;1{NO_BREAK}234,56 €;mensuelle;01/01/2025;28/02/2026;non",
        "A-6;C-3;Essentiel;1;19,00;mensuelle;01/09/2026;;oui",
        encoding="cp1252",
    )
    home.billing(
        "documents 2026.csv",
        "Client;Mois;Nombre",
        *(f"C-1;01/{month:02}/2026;4{NARROW}800" for month in range(3, 9)),
        f"C-1;01/09/2026;5{NARROW}100,0",
        f"C-3;01/09/2026;2{NARROW}000",
        encoding="utf-8-sig",
    )
    home.billing("postes.csv", "Client;Mois;Nombre", "C-1;01/08/2026;44", "C-1;01/09/2026;48", "C-3;01/09/2026;30")


@pytest.fixture(scope="module")
def ran(stand_ins: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Plan, explain, run and run again, into a CRM that knows the three customers."""
    folder = tmp_path_factory.mktemp("french")
    home = new_home(folder / "project")
    export(home)
    portal = Portal(stand_ins["hubspot"]["base_url"], stand_ins["hubspot"]["access_token"])
    portal.reset()
    portal.load(
        "companies",
        [
            company("101", "Creperie des Halles", "halles.example", "FR"),
            company("102", "Œuvres et Frères Fils", None, "FR"),
            company("103", "NOËL TRANSPORTS SA", "noel.example", "BE"),
        ],
    )
    cli = Cli(environment(home, stand_ins, folder / "state", SOURCE="files"))
    cli.ok("install", "--yes")
    planned = cli.ok("plan", "--as-of", AS_OF)
    explained = cli.ok("explain", "Crêperie", "--language", "fr")
    first = cli.ok("sync", "--as-of", AS_OF)
    portal.writes()
    second = cli.ok("sync", "--as-of", AS_OF)
    evidence = {one["signal"]: one["evidence"] for one in explained["signals"]}
    return Ran(cli, planned, evidence, first, second, portal.writes())


def test_french_export_comes_through_right(ran: Ran) -> None:
    """Every row is read, MRR is right to the cent, ended and trial rows are worth nothing, companies are matched."""
    told = ran.planned

    assert told["quarantined"] == {}
    assert told["pulled"]["subscriptions"] == 6
    assert told["mrr"]["ours"] == {"EUR": 195_000 + 7_000 + 22_800 + 1_234_567}
    assert told["mrr"]["difference"] == {}
    assert told["matched"] == {"linked": 3, "ambiguous": 0, "unmatched": 0}


def test_french_dates_are_days_in_paris(ran: Ran) -> None:
    """15/01/2025 begins at midnight in Paris, not Greenwich; 01/03/2026 is in March, not January."""
    started = {row["subscription_id"]: row["started_at"] for row in table(ran.cli, "subscriptions")}

    assert started["A-1"] == datetime(2025, 1, 14, 23, tzinfo=UTC)
    assert started["A-3"] == datetime(2026, 2, 28, 23, tzinfo=UTC)


def test_french_usage_by_the_month_meets_its_limit(ran: Ran) -> None:
    """5 100 documents in September exceed the 5 000 of the plan, 48 seats near the 50: both say so in French."""
    usage = [row for row in table(ran.cli, "usage") if row["account_id"] == "C-1"]

    documents = [row["value"] for row in usage if row["metric"] == "documents"]
    assert sum(documents) == pytest.approx(6 * 4_800 + 5_100)
    assert {row["value"] for row in usage if row["metric"] == "active_seats"} == {44.0, 48.0}
    assert ran.planned["signals"]["plan_limit_reached"] == 1
    assert ran.planned["signals"]["seats_near_limit"] == 1
    # 28 of September's 30 days, scaled to the average month.
    assert f"5{NARROW}175 documents par mois" in ran.evidence["plan_limit_reached"]
    assert f"pour 5{NARROW}000 inclus" in ran.evidence["plan_limit_reached"]
    assert "48 licences utilisées sur 50" in ran.evidence["seats_near_limit"]
    assert "30 sept. 2026" in ran.evidence["seats_near_limit"]


def test_french_export_delivers_once(ran: Ran) -> None:
    """The first run writes to the CRM, the second, on the same files, does not."""
    assert ran.first["plan"]["create"] > 0
    assert ran.first["delivered"]["parked"] == 0
    assert (ran.second["plan"]["unchanged"], ran.second_writes) == (ran.first["plan"]["create"], [])
