"""The built-in studies: a TOML file each, and a module where one measures, claims or draws something of its own."""

from studies.library import adversarial_spheres as adversarial_spheres
from studies.library import dimension as dimension
from studies.library import double_descent as double_descent
from studies.library import robustness_law as robustness_law
