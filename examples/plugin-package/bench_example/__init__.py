"""An example package with a method and a data set."""
