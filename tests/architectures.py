"""The architectures of blocks, which can all be taken apart; networks from elsewhere are tried in `test_any_network`."""

from exitprune.config.model import NamedSettings
from exitprune.variants import names_of, variant

IN_BLOCKS = [
    name for name in names_of("architectures") if not issubclass(variant("architectures", name).Settings, NamedSettings)
]
