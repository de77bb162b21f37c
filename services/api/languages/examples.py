"""Examples of responses about languages."""

from services.api.http.openapi.example_values import ENTRYPOINT, VERSION
from services.api.languages.catalogue import LanguageShown
from services.api.languages.responses import Languages
from shared.domain.events import Limits

PYTHON = LanguageShown(
    name="python",
    version=VERSION,
    aliases=("py", "python3"),
    extension="py",
    entrypoint=ENTRYPOINT,
    stages=("run",),
    limits=Limits(),
    interpreter_args=("-O", "-Wdefault", "-Xint_max_str_digits={number}"),
)
LANGUAGES = Languages(languages=[PYTHON])
