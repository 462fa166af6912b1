"""Pure core of statistics: formulas into columns, Newton steps, survival sums. Arrays in, arrays out."""
