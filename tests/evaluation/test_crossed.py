"""Seeds crossed with test images, held against statsmodels, against scipy, and against worlds whose answer is known."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exitprune.evaluation.crossed import Crossed, crossed
from exitprune.evaluation.statistics import Floats

with warnings.catch_warnings(action="ignore"):  # pandas warns it of its next version
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm
    from statsmodels.stats.weightstats import ttost_paired


def world(
    num: int, seeds: float, images: float, rest: float, shape: tuple[int, ...] = (), groups: int = 20, start: int = 0
) -> Floats:
    """Differences of no mean: deviations of a seed, of all test images, and of what one seed makes of them."""
    draw = np.random.default_rng(start)
    by_seed = seeds * draw.normal(size=(*shape, num, 1))
    by_group = images * groups**0.5 * draw.normal(size=(*shape, 1, groups))
    values: Floats = by_seed + by_group + rest * groups**0.5 * draw.normal(size=(*shape, num, groups))
    return values


def test_the_mean_squares_are_those_of_statsmodels_two_way_anova() -> None:
    values = world(4, 1, 0.7, 0.5, start=1)
    rows = [{"seed": s, "group": g, "y": y} for (s, g), y in np.ndenumerate(values)]
    table = anova_lm(ols("y ~ C(seed) + C(group)", pd.DataFrame(rows)).fit())["mean_sq"]
    seeds, groups, rest = table["C(seed)"], table["C(group)"], table["Residual"]
    found = crossed(values)
    assert found.error**2 == pytest.approx((seeds + groups - rest) / values.size)
    assert found.seeds**2 == pytest.approx((seeds - rest) / 20)
    assert found.images**2 == pytest.approx((groups - rest) / 4 / 20)
    assert found.rest**2 == pytest.approx(rest / 20)
    satterthwaite = (seeds + groups - rest) ** 2 / (seeds**2 / 3 + groups**2 / 19 + rest**2 / 57)
    assert found.freedom == pytest.approx(satterthwaite)
    assert satterthwaite > 3.5, "else it would be that of the seeds"


def of_squares(seeds: float, groups: float, rest: float, shape: tuple[int, int] = (4, 20)) -> Floats:
    """Differences of which these are the mean squares."""
    draw, (num_seeds, num_groups) = np.random.default_rng(0), shape
    by_seed, by_group = (
        values - values.mean() for values in (draw.normal(size=(num_seeds, 1)), draw.normal(size=(1, num_groups)))
    )
    both = draw.normal(size=shape)
    both = both - both.mean(1, keepdims=True) - both.mean(0, keepdims=True) + both.mean()
    freedom = (num_seeds - 1) * (num_groups - 1)
    values: Floats = (
        by_seed * np.sqrt(seeds / (num_groups * by_seed.var(ddof=1)))
        + by_group * np.sqrt(groups / (num_seeds * by_group.var(ddof=1)))
        + both * np.sqrt(rest * freedom / (both**2).sum())
    )
    return values


@pytest.mark.parametrize(
    ("seeds", "groups", "rest", "largest"), [(4, 1, 2, 4), (1, 4, 2, 4), (3, 2, 1, 4), (1, 1, 2, 1)]
)
def test_the_error_is_that_of_one_effect_alone_where_both_add_up_to_less(
    seeds: float, groups: float, rest: float, largest: float
) -> None:
    found = crossed(of_squares(seeds, groups, rest))
    assert found.error**2 * 80 == pytest.approx(largest)
    assert found.seeds == pytest.approx(np.sqrt(max(0, seeds - rest) / 20))
    assert found.images == pytest.approx(np.sqrt(max(0, groups - rest) / 80))
    both = (seeds + groups - rest) ** 2 / (seeds**2 / 3 + groups**2 / 19 + rest**2 / 57)
    assert found.freedom == pytest.approx(max(3, both))


def test_where_seeds_alone_scatter_it_is_the_paired_t_test() -> None:
    seeds = np.array([0.3, -0.1, 0.4, 0.2])
    found = crossed(np.repeat(seeds[:, None], 20, axis=1))
    assert found.freedom == pytest.approx(3)
    assert found.p_different == pytest.approx(stats.ttest_1samp(seeds, 0).pvalue)
    theirs = stats.ttest_1samp(seeds, 0).confidence_interval(0.9)
    assert found.interval(0.9) == pytest.approx((theirs.low, theirs.high))
    assert found.p_alike(0.5) == pytest.approx(ttost_paired(seeds, np.zeros(4), -0.5, 0.5)[0])


def test_one_seed_and_seeds_that_agree_tell_nothing() -> None:
    one, alike = crossed(world(1, 1, 1, 1)), crossed(np.tile(world(1, 1, 1, 1), (3, 1)))
    for found in (one, alike):
        assert np.isnan([found.error, found.p_different, found.p_alike(1), *found.interval(0.95)]).all()
    assert np.isfinite(one.mean)


def test_seeds_that_agree_on_no_difference_but_for_rounding_tell_nothing() -> None:
    errors = 0.02 * np.random.default_rng(0).permuted(np.tile([1.0, -1.0, 0.7, -0.7, 0.1, -0.1], (3, 1)), axis=1)
    found = crossed(errors)
    assert 0 <= np.ptp(errors.mean(-1)) < 1e-17
    assert np.isnan([found.error, found.p_different]).all()


@pytest.mark.parametrize("num", [3, 5, 10])
@pytest.mark.parametrize("scatter", [(1, 0, 0.5), (1, 0.3, 0.5), (1, 1, 1), (0.3, 1, 1)])
def test_no_difference_is_found_no_more_often_than_is_said(num: int, scatter: tuple[float, float, float]) -> None:
    found = crossed(world(num, *scatter, shape=(4000,), start=num))
    assert (found.p_different < 0.05).mean() < 0.06
    assert np.mean(np.abs(found.mean) < found.interval(0.95)[1] - found.mean) > 0.94


def test_a_difference_at_the_margin_is_called_alike_no_more_often_than_is_said() -> None:
    found = crossed(2 + world(5, 1, 0.3, 0.5, shape=(4000,)))
    assert (found.p_alike(2) < 0.05).mean() < 0.06


def test_the_components_are_found_again() -> None:
    found = crossed(world(30, 1, 0.5, 0.7, shape=(200,), groups=40))
    means = [np.sqrt(np.mean(np.square(of))) for of in (found.seeds, found.images, found.rest)]
    assert means == pytest.approx([1, 0.5, 0.7], rel=0.05)


def test_beyond_the_margin_is_told_from_within() -> None:
    sure = Crossed(0.03, 0.001, 5, 0, 0, 0, 6)
    assert sure.p_unlike(0.01) < 0.001 < 0.999 < sure.p_alike(0.01)
    assert sure.p_alike(0.05) < 0.001
    assert sure.p_unlike(0.05) == 1
