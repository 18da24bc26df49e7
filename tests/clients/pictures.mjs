// Pictures of each view for the README, of the demo's data and a day of incidents: `make pictures`.
