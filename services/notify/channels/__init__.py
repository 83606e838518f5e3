"""The channels: one client class for each kind of provider, and which provider takes what."""
