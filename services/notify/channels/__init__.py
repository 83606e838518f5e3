"""By what people are told: one client class for each kind of provider, and which takes what."""
