"""``python -m services.notifier``: run the notifier with settings from the environment."""

from services.notifier.app import run
from services.notifier.settings import NotifierSettings
from shared.service.runtime import start

if __name__ == "__main__":
    start("notifier", NotifierSettings, run)
