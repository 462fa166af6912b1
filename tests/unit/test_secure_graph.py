"""Who masks with whom, and how many shares open a secret."""

import math

import pytest
from scipy.stats import hypergeom

from huizhen.secure.graph import SPARSE_FROM, degree_and_threshold, degree_of_whole, neighbours, two_thirds

SIZES = [*range(3, 60), 64, 100, 150, 200, 333, 620, 1000, 2000]


@pytest.mark.parametrize("n", range(3, SPARSE_FROM))
def test_few_nodes_all_join_and_two_thirds_open(n: int) -> None:
    assert degree_and_threshold(n) == (n - 1, max(3, math.ceil(2 * n / 3)))


@pytest.mark.parametrize("n", SIZES)
def test_both_secrets_of_a_node_take_more_honest_shares_than_there_are(n: int) -> None:
    """Each holder gives one of the two, so both would take 2t holders: more than all of them, with one to spare."""
    degree, threshold = degree_and_threshold(n)
    holders = degree + 1
    assert 2 * threshold >= holders + 2
    assert 3 <= threshold <= holders <= n


@pytest.mark.parametrize("n", [50, 64, 100, 200, 620, 2000])
def test_the_sparse_graph_is_as_safe_as_it_says_and_no_smaller_one_is(n: int) -> None:
    def is_enough(degree: int) -> bool:
        holders, t = degree + 1, two_thirds(degree + 1)
        curious = hypergeom.sf(t - 1, n - 1, n // 5, degree) * n <= 2**-40
        lying = hypergeom.sf(2 * t - holders - 2, n - 1, n // 20, degree) * n <= 2**-40
        cut = hypergeom.pmf(degree // 2, n, n // 5 + n // 10, degree // 2) * n <= 2**-40
        recovered = hypergeom.sf(holders - t, n, n // 10, holders) * n <= 2**-20
        return bool(curious and lying and cut and recovered)

    degree, threshold = degree_and_threshold(n)
    assert threshold == two_thirds(degree + 1)
    assert is_enough(degree)
    assert not any(is_enough(smaller) for smaller in range(2, degree, 2))


def test_large_federations_stay_sparse() -> None:
    assert degree_and_threshold(620)[0] < 80
    assert degree_and_threshold(2000)[0] < 100


@pytest.mark.parametrize("n", [50, 100, 620, 2000])
def test_where_everybody_is_in_the_sum_the_degree_is_the_least_that_a_fifth_cannot_cut(n: int) -> None:
    def is_enough(degree: int) -> bool:
        return bool(hypergeom.pmf(degree // 2, n, n // 5, degree // 2) * n <= 2**-40)

    degree = degree_of_whole(n)
    assert is_enough(degree) and not is_enough(degree - 2)
    assert degree <= degree_and_threshold(n)[0]


def test_the_degree_grows_with_the_logarithm() -> None:
    """From 50 nodes to 5,000 it does not even double, where log n does 2.2 times."""
    for degree in (degree_of_whole, lambda n: degree_and_threshold(n)[0]):
        assert degree(620) <= degree(50) * math.log(620) / math.log(50) * 1.4
        assert degree(5000) - degree(500) <= 1.2 * (degree(500) - degree(50)) + 10
        assert degree(5000) < 100
    assert degree_of_whole(SPARSE_FROM - 1) == SPARSE_FROM - 2
    with pytest.raises(ValueError, match="three"):
        degree_of_whole(2)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_do_not_sum(n: int) -> None:
    with pytest.raises(ValueError, match="three"):
        degree_and_threshold(n)


@pytest.mark.parametrize(("n", "degree"), [(64, 34), (10, 4), (7, 2), (51, 48)])
def test_a_sparse_graph_is_regular_mutual_and_connected(n: int, degree: int) -> None:
    names = [f"n{i}" for i in range(n)]
    graph = neighbours(names, degree, b"seed")
    assert set(graph) == set(names)
    for name, around in graph.items():
        assert len(set(around)) == degree
        assert name not in around
        assert all(name in graph[other] for other in around)
    reached, edge = {names[0]}, [names[0]]
    while edge:
        new = [o for o in graph[edge.pop()] if o not in reached]
        reached.update(new)
        edge += new
    assert reached == set(names)


def test_few_nodes_have_all_others() -> None:
    assert neighbours(["b", "c", "a"], 2, b"x") == {"a": ("b", "c"), "b": ("a", "c"), "c": ("a", "b")}
    assert neighbours(["b", "c", "a"], 99, b"x") == neighbours(["a", "b", "c"], 2, b"y")


def test_the_seed_alone_decides_the_places() -> None:
    names = [f"n{i}" for i in range(64)]
    assert neighbours(names, 34, b"one") == neighbours(names[::-1], 34, b"one")
    assert neighbours(names, 34, b"one") != neighbours(names, 34, b"two")


def test_places_are_spread_evenly() -> None:
    """Over many seeds, every pair is joined about as often as chance says."""
    names = [f"n{i}" for i in range(12)]
    joined = sum("n1" in neighbours(names, 4, str(i).encode())["n0"] for i in range(2000))
    assert abs(joined / 2000 - 4 / 11) < 4 * math.sqrt(4 / 11 * 7 / 11 / 2000)


def test_impossible_graphs_are_refused() -> None:
    with pytest.raises(ValueError, match="distinct"):
        neighbours(["a", "a", "b"], 2, b"")
    with pytest.raises(ValueError, match="pairs"):
        neighbours([f"n{i}" for i in range(9)], 3, b"")
