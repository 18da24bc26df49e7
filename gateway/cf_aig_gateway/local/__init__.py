"""An AI Gateway for one machine: Cloudflare's HTTP on Starlette and one SQLite file."""
