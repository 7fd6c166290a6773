"""Who may join a program, and what each step of joining, pausing and leaving asks for."""
