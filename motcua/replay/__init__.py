"""Records a city's log, and replays it: in one process, and always with the same outcome."""

from motcua.replay.checked_lines import RecordingError as RecordingError
from motcua.replay.order import Order as Order
from motcua.replay.recording import Recording as Recording
from motcua.replay.recording import read as read
from motcua.replay.replayed import Replayed as Replayed
from motcua.replay.replayed import replay as replay
