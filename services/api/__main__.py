"""``python -m services.api``: run the api with settings from the environment."""

from shared.importing import importing

if __name__ == "__main__":
    with importing():
        from services.api.serving import run
        from services.api.settings import ApiSettings
        from shared.service.runtime import start

    start("api", ApiSettings, run)
