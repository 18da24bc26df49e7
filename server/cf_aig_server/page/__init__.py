"""The page that shows what tools tell, in a chat or in a browser: loaded for the first client that can show it."""
