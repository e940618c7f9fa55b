"""What a model is judged by, one metric per module: rows with errors and noise floors."""
