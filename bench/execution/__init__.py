"""Ways to run a grid."""
