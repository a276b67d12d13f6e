# SPDX-License-Identifier: Apache-2.0
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from knarr_test import master  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import
