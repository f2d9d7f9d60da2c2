"""Files that come with a batch to become media: found by name, looked at before they are sent, streamed."""
