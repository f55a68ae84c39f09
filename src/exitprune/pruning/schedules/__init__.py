"""How much is left after each round.

Contract of a file: `kept_shares(num_rounds, sparsity) -> list[float]`, the share of the units kept after each round: never
rising, in (0, 1], and 1 - sparsity at the end.
"""
