-- Wrapped keys stand in a file of their own from now on; they were copied there before this is run.
DROP TABLE secrets;
