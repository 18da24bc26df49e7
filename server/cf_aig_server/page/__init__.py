"""The page that draws results in a chat or in a browser: loaded for the first client that can show it."""
