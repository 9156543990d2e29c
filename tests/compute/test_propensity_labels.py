"""What the CRM tells of proposals changes labels by fixed rules, and nothing else of a row."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.compute.propensity_labels import Label, Purchases, Told, label
from connector.compute.propensity_pairs import Column, Pairs, entities
from connector.compute.propensity_rows import Owned
from connector.domain.catalogue import Catalogue, Offer
from connector.domain.outcome import Fate, Outcome

DAY, END, LATER = 1000, 1090, 2000
CATALOGUE = Catalogue(
    plans=["basic"],
    offers={
        "basic": Offer(label={}, need="plan"),
        "sync": Offer(label={}, need="sync"),
        "seats": Offer(label={}, need="seats", adds_to="plan"),
    },
)


def outcome(fate: Fate, proposed: int = DAY + 10, ended: int = DAY + 40, offer: str = "sync") -> Outcome:
    return Outcome("a1", offer, fate, proposed, ended)


def labelled(
    known: int, *outcomes: Outcome, bought: int | None = None, until: int = LATER, offer: str = "sync", day: int = DAY
) -> Label:
    """Label the row of a day; `bought`: when billing shows the purchase."""
    owned = [] if bought is None else [Owned(offer, bought, LATER * 2, 1)]
    purchases = Purchases(offer, owned, CATALOGUE, until)
    return label(day, day + 90, known, purchases.between(day, day + 90), outcomes, purchases)


@pytest.mark.parametrize("known", [0, -1], ids=["window over", "window open"])
@pytest.mark.parametrize("fate", [Fate.NO, Fate.NOT_USEFUL])
def test_a_refusal_of_the_need_is_a_zero_at_once(fate: Fate, known: int) -> None:
    """It is known from the decision on, whether or not the window is over."""
    assert labelled(known, outcome(fate)) == Label(0, fate.value)


@pytest.mark.parametrize(("known", "expected"), [(0, Label(0, "lost")), (-1, Label(-1))])
def test_a_loss_for_other_reasons_waits_for_the_window(known: int, expected: Label) -> None:
    """Lost for price, timing or a competitor is a zero when the window is over without a purchase, not before."""
    assert labelled(known, outcome(Fate.LOST)) == expected


def test_a_purchase_in_billing_beats_every_refusal() -> None:
    """Who bought within the window adopted, whatever the CRM says; that label is billing's."""
    for fate in (Fate.NO, Fate.NOT_USEFUL, Fate.LOST):
        assert labelled(1, outcome(fate), bought=DAY + 80) == Label(1)


def test_won_is_adopted_on_the_day_it_was_won() -> None:
    """Where billing never shows it, the window with that day in it has the adoption, over or not."""
    assert labelled(0, outcome(Fate.WON)) == Label(1, "won")
    assert labelled(-1, outcome(Fate.WON)) == Label(1, "won")
    assert labelled(0, outcome(Fate.WON, ended=DAY + 91)) == Label(0)
    assert labelled(0, outcome(Fate.WON, ended=DAY, proposed=DAY - 9), offer="seats") == Label(0)


def test_a_purchase_counts_once_on_billings_day() -> None:
    """Won in one window and billed in a later one: billing's window alone has it."""
    won = outcome(Fate.WON, ended=DAY + 40)

    assert labelled(0, won, bought=DAY + 100) == Label(0)
    assert labelled(1, won, bought=DAY + 100, day=DAY + 30) == Label(1, "won")
    assert labelled(1, won, bought=DAY + 100, day=DAY + 60) == Label(1)


def test_what_was_sold_unbilled_is_not_for_sale_again() -> None:
    """Rows after the win are no labels; more of something may be sold again."""
    sold = outcome(Fate.WON, proposed=DAY - 60, ended=DAY - 20)

    assert labelled(0, sold) == Label(-1, "sold")
    assert labelled(0, replace(sold, offer="seats"), offer="seats") == Label(0)


@pytest.mark.parametrize("fate", [Fate.WITHDRAWN, Fate.UNDONE])
@pytest.mark.parametrize(
    ("proposed", "ended", "touches"),
    [(10, 40, True), (-30, 1, True), (90, 120, True), (-30, 0, False), (91, 120, False)],
)
def test_what_was_taken_back_disturbs_the_windows_it_touches(
    fate: Fate, proposed: int, ended: int, touches: bool
) -> None:
    """A row whose window touches the time that the proposal stood is no label; another stays billing's."""
    made = labelled(0, outcome(fate, DAY + proposed, DAY + ended))

    assert made == (Label(-1, fate.value) if touches else Label(0))


def test_a_purchase_that_silenced_its_signal_stays() -> None:
    """Withdrawn after the purchase: the label stays. Undone: none, whatever billing shows."""
    assert labelled(1, outcome(Fate.WITHDRAWN), bought=DAY + 30) == Label(1)
    assert labelled(1, outcome(Fate.WITHDRAWN), bought=DAY + 60) == Label(-1, "withdrawn")
    assert labelled(1, outcome(Fate.UNDONE), bought=DAY + 30) == Label(-1, "undone")


def test_the_last_word_about_the_need_counts() -> None:
    """Refused, then won: adopted. Undone beats both."""
    refused, won = outcome(Fate.NO, ended=DAY + 20), outcome(Fate.WON, ended=DAY + 70)

    assert labelled(0, refused, won) == Label(1, "won")
    assert labelled(0, refused, won, outcome(Fate.UNDONE)) == Label(-1, "undone")


def pairs_of(days: list[int], accounts: int = 3) -> Pairs:
    """Rows of accounts on some days for every offer, all with billing's zero; a day from `END` on is open."""
    offers = ["sync", "seats"]
    account = np.repeat(np.arange(accounts, dtype=np.int32), len(days) * len(offers))
    day = np.tile(np.repeat(np.array(days, np.int32), len(offers)), accounts).astype(np.int32)
    offer = np.tile(np.arange(len(offers), dtype=np.int32), accounts * len(days)).astype(np.int32)
    entity, owner, _ = entities(account, day)
    return Pairs(
        accounts=[f"a{number}" for number in range(accounts)],
        offers=offers,
        account=account,
        offer=offer,
        day=day,
        adopted=np.where(day >= END, -1, 0).astype(np.int8),
        columns=(Column("size", "number", np.arange(len(day), dtype=np.float32)),),
        entity=entity,
        holds=np.zeros((len(owner), 1), bool),
        holdings=["basic"],
        prior=np.full(len(day), 0.1),
        is_dated=True,
    )


ended = st.builds(
    lambda account, offer, fate, proposed, lasted: Outcome(account, offer, fate, proposed, proposed + lasted),
    st.sampled_from(["a0", "a1", "elsewhere"]),
    st.sampled_from(["sync", "seats", "unknown"]),
    st.sampled_from(list(Fate)),
    st.integers(DAY - 200, END + 100),
    st.integers(0, 120),
)
bought = st.builds(lambda since: Owned("sync", since, LATER * 2, 1), st.integers(DAY - 200, END + 200))
histories = st.dictionaries(st.sampled_from(["a0", "a1"]), st.lists(bought, max_size=2))
DAYS = [DAY, DAY + 30, DAY + 60, END, END + 30]


@given(st.lists(ended, max_size=8), histories, st.integers(DAY, END + 200))
def test_only_labels_of_concerned_rows_change_and_every_row_is_counted(
    outcomes: list[Outcome], history: dict[str, list[Owned]], until: int
) -> None:
    """Features, prior and holdings stay the same objects; without an outcome billing's label stays; counts add up."""
    pairs = pairs_of(DAYS)

    made, labels = Told(outcomes, history, CATALOGUE, 90).labelled(pairs, until)

    untouched = [one.name for one in fields(Pairs) if one.name != "adopted"]
    assert all(getattr(made, name) is getattr(pairs, name) for name in untouched)
    concerned = {(one.account, one.offer) for one in outcomes}
    changed = {
        (pairs.accounts[pairs.account[row]], pairs.offers[pairs.offer[row]])
        for row in np.flatnonzero(made.adopted != pairs.adopted)
    }
    assert changed <= concerned
    assert labels.billing + sum(labels.crm.values()) == int((made.adopted >= 0).sum())
    assert labels.crm.keys() <= {"won", "no", "not_useful", "lost"}
    assert labels.early == int(((made.adopted >= 0) & (pairs.adopted < 0)).sum())


@given(st.lists(ended, max_size=8), histories, st.integers(DAY, END + 200))
def test_what_ended_later_is_not_known_yet(
    outcomes: list[Outcome], history: dict[str, list[Owned]], until: int
) -> None:
    """Labels as of a day are those of a CRM in which nothing has ended since."""
    pairs = pairs_of(DAYS)
    before = [one for one in outcomes if one.ended <= until]

    made, labels = Told(outcomes, history, CATALOGUE, 90).labelled(pairs, until)
    then, told = Told(before, history, CATALOGUE, 90).labelled(pairs, until)

    assert made.adopted.tolist() == then.adopted.tolist()
    assert labels == told


@given(st.lists(ended, max_size=8), histories, st.randoms(use_true_random=False))
def test_the_order_of_outcomes_is_no_matter(
    outcomes: list[Outcome], history: dict[str, list[Owned]], rng: object
) -> None:
    """The same outcomes in any order give the same labels."""
    pairs, mixed = pairs_of(DAYS), list(outcomes)
    rng.shuffle(mixed)  # type: ignore[attr-defined]

    one, other = (Told(some, history, CATALOGUE, 90).labelled(pairs, LATER) for some in (outcomes, mixed))

    assert one[0].adopted.tolist() == other[0].adopted.tolist()
    assert one[1] == other[1]
