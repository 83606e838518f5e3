"""The loop that runs a decider: load, decide, publish, persist, commit; timers and clocks."""
