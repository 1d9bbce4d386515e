"""What it costs to ship one item."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from answers import serve

serve(int(sys.argv[1]), lambda path: {"each": 3})
