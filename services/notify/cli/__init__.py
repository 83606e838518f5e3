"""``motcua message``: what people are told, before it is sent and after it bounced."""
