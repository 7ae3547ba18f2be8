"""storage_file.py FILE: a weights file with a tensor of every storage type that weights come in."""

import json
import struct
import sys

tensors = {
    "proj": ("I8", [2, 3], struct.pack("<6b", 1, -2, 3, 127, -128, 0)),
    "proj.scale": ("F32", [3], struct.pack("<3f", 0.5, 0.25, 2.0)),
    "half": ("F16", [3], struct.pack("<3e", 1.0, -0.5, 65504.0)),
    "brain": ("BF16", [3], struct.pack("<3H", 0x3F80, 0xC040, 0x4049)),  # 1, -3, 3.140625
    "wide": ("F64", [3], struct.pack("<3d", 0.1, 1e300, -2.0)),
}
header, data = {}, b""
for name, (kind, shape, content) in tensors.items():
    header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
    data += content
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
