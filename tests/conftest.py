"""The suite runs in a zone far from UTC, so that nothing leans on the machine's own clock."""

from __future__ import annotations

import os
import time

os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()
