"""A method and a data set of one's own, in a package."""
