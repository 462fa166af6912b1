"""The market: how the price of a study is shared, to the fen, and the books that show it."""
