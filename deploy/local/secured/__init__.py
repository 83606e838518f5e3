"""What a secured stack has besides: certificates, users, and what each user may do."""
