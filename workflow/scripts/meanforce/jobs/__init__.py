"""One frozen settings class for each stage: the rule writes it as JSON, the program reads it."""
