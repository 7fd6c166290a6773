"""What silence means: who has not been heard from for too long, by the rule of the program."""
