"""Bodies that are bytes: what Schemathesis cannot make from a schema. None of it is a whole picture or archive."""

import schemathesis
from hypothesis import strategies as st

STARTS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBP",
    "application/zip": b"PK\x03\x04",
    # A call of the Open Inference Protocol that names bytes and has none.
    "application/octet-stream": b'{"inputs": [{"name": "label", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}}]}',
}

for media_type, start in STARTS.items():
    schemathesis.openapi.media_type(
        media_type, st.binary(max_size=512) | st.binary(max_size=512).map(start.__add__)
    )
