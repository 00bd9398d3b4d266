"""What the finished query itself shows: which relations it reads only through the definition of "visible"."""
