"""What sla decides: the decider, answers to requests, announcements and alerts."""
