"""What the stand-ins have in common: processes, storage, traffic, the habits of PHP, multipart bodies."""
