"""Examples of responses about uploaded files."""

import hashlib
from datetime import timedelta

from services.api.files.responses import UploadedFile, UploadedFiles
from services.api.http.openapi.example_values import NOON

CONTENT = "3\n4\n8\n"
FILE = UploadedFile(
    file=f"sha256:{hashlib.sha256(CONTENT.encode()).hexdigest()}",
    size=len(CONTENT),
    expires_at=NOON + timedelta(days=7),
)
FILES = UploadedFiles(files=(FILE,))
