"""Recommends what is advertised."""

import json
import os
import sys
from urllib.request import urlopen

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from answers import serve

PORT = 8081


def recommend(path):
    with urlopen("http://" + os.environ["ADS_ADDR"] + "/ads", timeout=20) as answer:
        return {"because": json.load(answer)}


serve(PORT, recommend)
