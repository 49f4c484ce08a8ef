"""The demo's own content: real digits, a small generator, and how both were made."""
