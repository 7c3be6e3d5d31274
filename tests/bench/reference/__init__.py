"""Reference trackers that the fusion is compared with: development only, never shipped."""
