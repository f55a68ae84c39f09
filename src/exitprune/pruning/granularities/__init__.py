"""What goes as one: the unit that is scored, ranked and pruned.

Contract of a file, three functions between weights and units, both in dicts of tensors by layer name:

- `unit_scores(network, scores) -> scores` of the units in the layers scored;
- `unit_masks(network, masks) -> masks` of the units in the layers given, True = kept;
- `weight_masks(network, masks, units) -> masks` of the layers given, without the weights of units that went.

A layer that has no units is left out of the first two and comes back unchanged from the third. Ranking sees units only.
"""
