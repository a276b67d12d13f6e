# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

# lan.py, e2e_objects.py
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "node"))
