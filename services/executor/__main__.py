"""``python -m services.executor``: run the executor with settings from the environment."""

from services.executor.executor import run
from services.executor.settings import ExecutorSettings
from shared.service import start

if __name__ == "__main__":
    start("executor", ExecutorSettings, run)
