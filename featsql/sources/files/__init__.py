"""What is found out about files before they are read: their form, their columns, and whether every value fits."""
