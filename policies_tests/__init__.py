"""Who may do what, and whether the books hold: tests of the database itself, on a real stack."""
