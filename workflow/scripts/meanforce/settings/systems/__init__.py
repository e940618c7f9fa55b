"""Section `systems`: one module for each kind; a class has attributes for its kind's needs."""
