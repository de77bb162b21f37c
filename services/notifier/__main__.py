"""``python -m services.notifier``: run the notifier with settings from the environment."""

from shared.importing import importing

if __name__ == "__main__":
    with importing():
        from services.notifier.app import run
        from services.notifier.settings import NotifierSettings
        from shared.service.runtime import start

    start("notifier", NotifierSettings, run)
