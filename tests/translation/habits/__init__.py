"""What providers of each protocol are in the habit of sending, and what it means: one stream a habit, as bytes, and the gist of its answer.

Each is something that a server, a gateway or a vendor does that the protocol's own pages don't show, or that translators are known to get
wrong. Shapes are written out by hand: nothing of the project makes them.
"""

from __future__ import annotations

from tests.translation.habits.chat import CHAT
from tests.translation.habits.gemini import GEMINI
from tests.translation.habits.habit import Habit
from tests.translation.habits.messages import MESSAGES
from tests.translation.habits.responses import RESPONSES

__all__ = ["HABITS", "Habit"]

HABITS = (*CHAT, *MESSAGES, *RESPONSES, *GEMINI)
