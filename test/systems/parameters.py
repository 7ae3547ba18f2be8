"""parameters.py FILE:COUNT...: the parameters in checked programs (heedc --emit=checked) have so many numbers."""

import math
import re
import sys

failed = False
for pair in sys.argv[1:]:
    path, wanted = pair.rsplit(":", 1)
    with open(path, encoding="utf-8") as file:
        shapes = re.findall(r"^param [^:]+: \w+\[([0-9, ]+)\]", file.read(), re.MULTILINE)
    count = sum(math.prod(int(size) for size in shape.split(",")) for shape in shapes)
    if count != int(wanted):
        print("%s: %d numbers, expected %s" % (path, count, wanted))
        failed = True
sys.exit(failed)
