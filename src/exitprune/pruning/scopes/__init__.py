"""Among which weights scores are compared.

Contract of a file: `choose(scores, masks, fraction) -> masks`: the masks of the given layers with exactly
round(fraction x kept) units fewer (weights, or what `granularities` makes of them), kept counted over all layers; `layer`
rounds in each layer instead. Ties go by position: first layer first, and in a layer the first index first, whatever the
order in memory.
"""
