"""How it is decided. Nothing here does input or output, reads a clock, or draws a random number: time is an argument."""
