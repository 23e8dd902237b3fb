"""Which samples, losses and learning rate each part of a run has."""

from lightning_compose.curriculum.curriculum import Curriculum, find_curriculum, schedule_of
from lightning_compose.curriculum.schedule import Schedule
from lightning_compose.curriculum.stage import Stage

__all__ = ["Curriculum", "Schedule", "Stage", "find_curriculum", "schedule_of"]
