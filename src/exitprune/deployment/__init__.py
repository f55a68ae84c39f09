"""From a checkpoint to a network that runs elsewhere: folded, smaller, as ONNX, timed."""
