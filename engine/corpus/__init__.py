"""From a source of articles to token ids on disk, and what is known of them."""
