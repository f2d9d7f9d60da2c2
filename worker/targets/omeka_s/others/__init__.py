"""What stands around the resources of an Omeka S: assets, vocabularies, templates, users, sites, pages.

They bear no properties, only names of their own, and most have no stamp; but they are planned, written,
verified and undone by the same code as resources, which this package gives the form that it needs.
"""

from worker.targets.omeka_s.others import fields, judging, reading, updates

__all__ = ["fields", "judging", "reading", "updates"]
