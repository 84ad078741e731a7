# The documents say what the program does.
exec tools/check-docs
