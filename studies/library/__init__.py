"""The built-in studies: a TOML file each, and a module where one measures, claims or draws something of its own."""

from studies.library import depth as depth
from studies.library import feature_learning as feature_learning
from studies.library import grokking as grokking
from studies.library import regularisers as regularisers
