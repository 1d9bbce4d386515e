"""Sends letters to users."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from answers import serve

serve(int(os.environ["PORT"]), lambda path: {"sent": path.split("=")[-1]})
