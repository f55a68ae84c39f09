"""params.yaml read once before Snakemake does, so that what is wrong with the file itself is one sentence."""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "src")))
from exitprune.config.parameter_file import read_yaml
from exitprune.errors import BadInput

try:
    read_yaml(Path("params.yaml"))
except BadInput as error:
    raise WorkflowError(str(error)) from None
