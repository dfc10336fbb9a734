"""What providers say that they billed: a finished job is not lost for a figure that cannot be."""

import math

import pytest

from reelbase.dispatch.steps import figure


@pytest.mark.parametrize("told", [-1.0, math.nan, math.inf, -math.inf, 1e8, 1e300])
def test_figure_that_no_column_holds_is_left_out(told: float) -> None:
    assert figure(told) is None


@pytest.mark.parametrize("told", [None, 0.0, 0.0004, 99_999_999.0])
def test_figure_that_can_be_is_kept(told: float | None) -> None:
    assert figure(told) == told
