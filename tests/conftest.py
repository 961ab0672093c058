"""What holds for every test: properties have no deadline, as two test processes share two cores with daemons."""

from hypothesis import settings

settings.register_profile("enlace", deadline=None)
settings.load_profile("enlace")
