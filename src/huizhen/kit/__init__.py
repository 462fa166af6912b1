"""The ground floor: errors, text in two languages, canonical bytes, wire bytes, money, time."""
