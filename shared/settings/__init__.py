"""Settings: what each may hold (`kinds`), those of several services (`groups`), and how they are read.

They come from the environment, once, in a service's `__main__` (`environment`). `names` knows every setting
of this program, so that a misspelt one is noticed.
"""

from shared.settings.environment import SettingsT, allowed_in, is_secret, load
from shared.settings.groups import (
    BrokerSettings,
    HttpSettings,
    ListenSettings,
    Pairs,
    Settings,
    TokenSettings,
)
from shared.settings.kinds import (
    KIB,
    MIB,
    PREFIX,
    SECRET_BYTES_MIN,
    Bytes,
    Days,
    FilePath,
    Host,
    Origins,
    Port,
    Positive,
    Rule,
    Seconds,
    Secret,
    SettingsError,
    Text,
    WholeSeconds,
    listed,
    refused,
    show,
    some_of,
    words,
)

__all__ = [
    "KIB",
    "MIB",
    "PREFIX",
    "SECRET_BYTES_MIN",
    "BrokerSettings",
    "Bytes",
    "Days",
    "FilePath",
    "Host",
    "HttpSettings",
    "ListenSettings",
    "Origins",
    "Pairs",
    "Port",
    "Positive",
    "Rule",
    "Seconds",
    "Secret",
    "Settings",
    "SettingsError",
    "SettingsT",
    "Text",
    "TokenSettings",
    "WholeSeconds",
    "allowed_in",
    "is_secret",
    "listed",
    "load",
    "refused",
    "show",
    "some_of",
    "words",
]
