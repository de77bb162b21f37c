"""Examples of requests and responses about the input of a job."""

from services.api.interaction.responses import InputPosition
from services.api.interaction.schemas import InputBody, SignalBody
from services.api.jobs.schemas import TerminalBody

LINE = InputBody(offset=0, content="hello world\n")
LAST = InputBody(offset=12, content="AAEC/w==", encoding="base64", end=True)
TERMINAL = TerminalBody(columns=120, rows=40)
SIGNAL = SignalBody(signal="SIGINT")
POSITION = InputPosition(offset=12, ended=False)
