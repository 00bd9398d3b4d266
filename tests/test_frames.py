"""Features for a frame: what a frame must be, said before the engine stumbles over it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

import featsql
from featsql.cli.commands.init import init
from featsql.errors import FeatsqlError

ASKED = pl.DataFrame({"customer_id": [7, 10], "as_of": [datetime(2024, 3, 1)] * 2})
WRONG: dict[str, tuple[Any, Any, str, str]] = {
    "no frame": ([{"customer_id": 7}], ["customer_spend"], "FS722", "list"),
    "nothing": (None, ["customer_spend"], "FS722", "NoneType"),
    "no instant": (ASKED.drop("as_of"), ["customer_spend"], "FS722", "`as_of`"),
    "no key": (ASKED.drop("customer_id"), ["customer_spend"], "FS722", "`customer_id`"),
    "an instant as text": (
        ASKED.with_columns(as_of=pl.lit("2024-03-01")),
        ["customer_spend"],
        "FS714",
        "`as_of` of the frame is VARCHAR",
    ),
    "a key as text": (
        ASKED.with_columns(customer_id=pl.lit("07")),
        ["customer_spend"],
        "FS612",
        "VARCHAR in the frame, but BIGINT",
    ),
    "a column of featsql's own": (ASKED.with_columns(__row=1), ["customer_spend"], "FS702", "`__row` of the frame"),
    "no model": (ASKED, "customer", "FS720", "customer_spend"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> featsql.Project:
    folder = tmp_path_factory.mktemp("frames")
    init(folder / "shop")
    return featsql.load(folder / "shop")


@pytest.mark.parametrize(("frame", "wanted", "code", "said"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_frame_is_a_diagnostic(frame: Any, wanted: Any, code: str, said: str, project: featsql.Project) -> None:
    with pytest.raises(FeatsqlError) as caught:
        project.features(frame, wanted)
    assert [each.code for each in caught.value.diagnostics] == [code]
    assert said in str(caught.value)


def test_one_name_stands_for_a_list_of_it(project: featsql.Project) -> None:
    one, several = (project.features(ASKED, wanted).to_polars() for wanted in ("customer_spend", ["customer_spend"]))
    assert one.sort("customer_id").equals(several.sort("customer_id"))
    assert one.columns[2:] == [
        "payments_7d", "payments_30d", "spend_30d", "last_amount", "days_since_payment",
    ]  # fmt: skip
    assert [each.name for each in project.build("churn").results] == ["churn"]


def test_whole_numbers_may_be_floats(project: featsql.Project) -> None:
    """As pandas has them where one is missing."""
    floats = ASKED.with_columns(pl.col("customer_id").cast(pl.Float64))
    kept, given = (
        project.features(each, ["customer_spend"]).to_polars().sort("customer_id") for each in (ASKED, floats)
    )
    assert kept.drop("customer_id").equals(given.drop("customer_id"))
