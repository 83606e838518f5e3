"""Who read and changed what, in chains that show whether anything was changed afterwards."""
