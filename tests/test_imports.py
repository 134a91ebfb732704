"""What an import may cost."""

import subprocess
import sys

HEAVY = ("torch", "sklearn", "skorch", "matplotlib", "seaborn", "pandas", "sqlalchemy", "hypothesis")


def test_toymanifold_loads_no_learning_library():
    program = f"import sys, toymanifold; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
