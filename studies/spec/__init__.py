"""The description of a study, and the cells that it becomes. Nothing here runs or stores anything."""
