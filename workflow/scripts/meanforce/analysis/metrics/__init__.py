"""What a model is judged by, one metric a module: rows with errors and noise floors."""
