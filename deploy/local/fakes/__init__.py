"""Stand-ins for what a city buys: a mail server, and a gateway for SMS and Zalo."""
