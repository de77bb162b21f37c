"""Example of a usage report."""

from services.api.usage.responses import ShareUsed, UsageReport

USAGE = UsageReport(
    log_bytes=ShareUsed(used=1_204_331, share=536_870_912),
    sessions_bytes=ShareUsed(used=40_112, share=134_217_728),
    artifacts_bytes=ShareUsed(used=31_457_280, share=134_217_728),
    files_bytes=ShareUsed(used=2_097_152, share=268_435_456),
    unfinished_jobs=ShareUsed(used=2, share=1_000),
    waits=ShareUsed(used=1, share=200),
)
