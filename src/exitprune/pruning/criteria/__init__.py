"""How weights are scored; a higher score stays.

Contract of a file: `score(network, names, batches, generator) -> scores`, a float32 tensor of the weight's shape for each
named layer, on the weight's device. `batches` are training images and labels, read only by criteria that need them;
`generator` is seeded by run and round. Masked weights may get any score: they are gone already.
"""
