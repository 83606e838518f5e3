"""A local gateway for SMS and Zalo."""
