"""Run a pruned network with what is zero left out: `exitprune.sparse.load("model.sparse").run(pixels, threshold)`.

Needs the extra `sparse`; a checkpoint needs torch besides. How it works: docs/sparse.md.
"""

from exitprune.deployment.sparse.loading import SparseModel as SparseModel
from exitprune.deployment.sparse.loading import load as load
from exitprune.deployment.sparse.machine import CannotRun as CannotRun
from exitprune.deployment.sparse.model import Answers as Answers
