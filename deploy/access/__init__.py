"""Who may do what at the broker and in the database, as files for those who set it up."""
